{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  How likely the edit misses others' recent fields beyond the first twelve of their type, word by word: how often others' last events
  touched them, and the type's last events, or whether it announced them. No row where others touched none.
-#}

{% set last_of_type = var('overlap_type_events') %}
{#- Windows over a type's events are worked out stretch by stretch: of 2^12 places each, and the events that it looks back at. -#}
{% set stretch = 12 %}
{% set p_by_type = shares_of_type('type_touches.low_touches', 'type_touches.high_touches', 'further_touched.type_window_size') %}
{% set p_announced = announced_or_not('announced.touches') %}

with types_of_more as (

    {{ types_of_more_words() }}

),

further as (

    select
        moments.moment_no,
        moments.type_no,
        moments.day_number,
        of_type.type_events,
        cast(case when of_type.type_events < {{ last_of_type }} then of_type.type_events else {{ last_of_type }} end as {{ double() }})
            as type_window_size,
        cast(past.window_size as {{ double() }}) as window_size,
        of_record.record_event_no,
        windows.record_before_no,
        of_own.own_event_no,
        windows.own_before_no
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    inner join types_of_more on moments.type_no = types_of_more.type_no
    inner join {{ of_open_days(ref('int_moment_past'), 'moment_no') }} as past on moments.moment_no = past.moment_no
    inner join {{ of_open_days(ref('int_moment_type_events'), 'moment_no') }} as of_type on moments.moment_no = of_type.moment_no
    inner join {{ of_open_days(ref('int_moment_record_events'), 'moment_no') }} as of_record on moments.moment_no = of_record.moment_no
    inner join {{ of_open_days(ref('int_moment_own_events'), 'moment_no') }} as of_own on moments.moment_no = of_own.moment_no
    left join {{ of_open_days(ref('int_moment_windows'), 'moment_no') }} as windows on moments.moment_no = windows.moment_no
    where past.window_size > 0

),

met as (

    select record_event_no as event_no from further
    union
    select record_before_no from further
    union
    select own_event_no from further
    union
    select own_before_no from further

),

{#- Looked up four times: in a whole build where they are, as a common table would be a copy of them. -#}
{% set words = 'words_met' if is_day_build() else ref('int_event_words') %}
{% if is_day_build() %}

words_met as (

    select
        event_no,
        word,
        record_touches,
        own_touches
    from {{ looked_up(ref('int_event_words'), 'met', ['event_no']) }} as event_words

),

{% endif %}

counted as (

    select
        further.moment_no,
        further.type_no,
        further.day_number,
        further.type_events,
        further.window_size,
        further.type_window_size,
        now.word,
        {{ between_rests(
            'now.record_touches - coalesce(before.record_touches, 0)'
            ~ ' - (coalesce(own.own_touches, 0) - coalesce(own_before.own_touches, 0))'
        ) }} as touches
    from further
    inner join {{ words }} as now on further.record_event_no = now.event_no
    left join {{ words }} as before
        on
            further.record_before_no = before.event_no
            and now.word = before.word
    left join {{ words }} as own
        on
            further.own_event_no = own.event_no
            and now.word = own.word
    left join {{ words }} as own_before
        on
            further.own_before_no = own_before.event_no
            and now.word = own_before.word

),

further_touched as (

    select * from counted
    where touches > 0

),

-- how often the type's last events touched these fields
types as (

    select
        type_no,
        min(type_events) - {{ last_of_type }} as since_number
    from further_touched
    group by type_no

),

type_events as (

    select
        events.type_no,
        events.word,
        events.type_event_number,
        events.low_touches,
        events.high_touches
    from {{ ref('int_event_touches') }} as events
    {% if is_day_build() %}
    inner join types on events.type_no = types.type_no and events.type_event_number > types.since_number
    {% endif %}

),

timeline as (

    select
        type_no,
        word,
        {{ shift_right('type_event_number', stretch) }} as stretch,
        type_event_number as position,
        low_touches,
        high_touches,
        cast(null as {{ dbt.type_bigint() }}) as moment_no
    from type_events
    union all
    select
        type_no,
        word,
        {{ shift_right('type_event_number', stretch) }} + 1,
        type_event_number,
        low_touches,
        high_touches,
        null
    from type_events
    where type_event_number & {{ 2 ** stretch - 1 }} > {{ 2 ** stretch - last_of_type }}
    union all
    select
        type_no,
        word,
        {{ shift_right('type_events', stretch) }},
        type_events,
        0,
        0,
        moment_no
    from further_touched

),

type_touches as (

    select
        moment_no,
        word,
        cast(sum(low_touches) over last_events as {{ dbt.type_bigint() }}) as low_touches,
        cast(sum(high_touches) over last_events as {{ dbt.type_bigint() }}) as high_touches
    from timeline
    window last_events as (
        partition by type_no, word, stretch order by position range between {{ last_of_type - 1 }} preceding and current row
    )

),

by_word as (

    select
        further_touched.moment_no,
        further_touched.day_number,
        {{ missed('further_touched.touches', 'further_touched.window_size', p_by_type) }} as missed_by_type,
        case
            when announced.touches is null then 1
            else {{ missed('further_touched.touches', 'further_touched.window_size', p_announced) }}
        end as missed_announced
    from further_touched
    inner join type_touches
        on
            further_touched.moment_no = type_touches.moment_no
            and further_touched.word = type_touches.word
    left join {{ of_open_days(ref('int_moment_words'), 'moment_no') }} as announced
        on
            further_touched.moment_no = announced.moment_no
            and further_touched.word = announced.word

)

select
    moment_no,
    {{ product_of('missed_by_type') }} as missed_by_type,
    {{ product_of('missed_announced') }} as missed_announced,
    day_number
from by_word
group by moment_no, day_number
