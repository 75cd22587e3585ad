{#-
  How often others' last events touched the fields beyond the first twelve of their type, and its own last events those: a row
  for each word of such fields that was touched. `bounded` is a relation of moments with the numbers of the events that
  their windows begin and end with.
-#}
{% macro further_words(bounded) -%}
{%- set last_of_type = var('overlap_type_events') -%}
{#- Windows over a type's events are worked out stretch by stretch: of 2^12 places each, and the events that it looks back at. -#}
{%- set stretch = 12 -%}

with types_of_more as (

    {{ types_of_more_words() }}

),

further as (

    select bounded.*
    from {{ bounded }} as bounded
    inner join types_of_more on bounded.type_no = types_of_more.type_no

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
        further.is_announced,
        further.day_number,
        further.type_events,
        further.window_size,
        further.type_window_size,
        now.word,
        cast(
            now.record_touches - coalesce(before.record_touches, 0)
            - (coalesce(own.own_touches, 0) - coalesce(own_before.own_touches, 0))
            as {{ dbt.type_bigint() }}
        ) as touches
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

)

select
    further_touched.moment_no,
    further_touched.word,
    further_touched.is_announced,
    further_touched.day_number,
    further_touched.window_size,
    further_touched.type_window_size,
    further_touched.touches,
    type_touches.low_touches,
    type_touches.high_touches
from further_touched
inner join type_touches
    on
        further_touched.moment_no = type_touches.moment_no
        and further_touched.word = type_touches.word
{%- endmacro %}
