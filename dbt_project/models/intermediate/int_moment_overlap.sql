{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  How likely the edit meets others' recent fields: 1 - product over fields of (1 - p q). q is the share of others' last
  events on the record that touch a field, p how likely this edit touches it. No row where there are no others.

  Others' last events on the record are the record's events from one place to another, less the user's own between them:
  touches are counted as the difference of two running sums of the record, less that of two of the user's own. The sums
  of a type's first twelve fields come with the events; those of further ones are looked up word by word (`further_words`).
-#}

{% set last = var('overlap_record_events') %}
{% set last_of_type = var('overlap_type_events') %}
{#- more than a user's events on a record -#}
{% set places = 4294967296 %}
{% set p_by_type, p_announced = [], [] %}
{% for place in range(fields_in_a_word()) %}
{% do p_by_type.append(
    packed_count('touched.low_touches' if place < 6 else 'touched.high_touches', place % 6, 8) ~ ' / touched.type_window_size'
) %}
{% do p_announced.append(packed_count('announced.touches', place, 5)) %}
{% endfor %}

with moments as (

    select
        moments.moment_no,
        moments.type_no,
        moments.record_no,
        moments.user_no,
        moments.is_announced,
        moments.day_number,
        of_type.type_events,
        of_type.type_low_touches,
        of_type.type_high_touches,
        of_record.record_events - of_own.own_record_events as others,
        of_record.record_event_no,
        of_own.own_event_no,
        of_record.record_touches,
        of_own.own_touches
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    inner join {{ of_open_days(ref('int_moment_type_events'), 'moment_no') }} as of_type on moments.moment_no = of_type.moment_no
    inner join {{ of_open_days(ref('int_moment_record_events'), 'moment_no') }} as of_record on moments.moment_no = of_record.moment_no
    inner join {{ of_open_days(ref('int_moment_own_events'), 'moment_no') }} as of_own on moments.moment_no = of_own.moment_no
    where of_record.record_events > of_own.own_record_events

),

-- More than the last of others: those before the window have a last one. The user's own events up to there are those with
-- no more others before them; each is known by the others before it and its number, which is one place apiece.
far as (

    select
        moment_no,
        record_no,
        user_no,
        (others - {{ last }} + 1) * {{ places }} - 1 as before_window
    from moments
    where others > {{ last }} and own_event_no is not null

),

far_off as (

    select
        record_no,
        user_no,
        min(before_window) as before_windows
    from far
    group by record_no, user_no

),

own_past as (

    select
        record_no,
        user_no,
        event_no as own_before_no,
        own_event_number as own_before,
        own_touches as own_before_touches,
        (record_event_number - own_event_number) * {{ places }} + own_event_number as own_place
    from {{ looked_up(ref('int_record_events'), 'far_off', ['record_no', 'user_no']) }} as events

),

{% if is_day_build() %}

last_before as (

    select
        own_past.record_no,
        own_past.user_no,
        max(own_past.own_place) as own_place
    from own_past
    inner join far_off
        on
            own_past.record_no = far_off.record_no
            and own_past.user_no = far_off.user_no
    where own_past.own_place <= far_off.before_windows
    group by own_past.record_no, own_past.user_no

),

{% endif %}

-- of a day's, the last one before all of them, and those since: few of a long life
own_events as (

    select own_past.*
    from own_past
    {%- if is_day_build() %}
    left join last_before
        on
            own_past.record_no = last_before.record_no
            and own_past.user_no = last_before.user_no
    where last_before.own_place is null or own_past.own_place >= last_before.own_place
    {%- endif %}

),

own_before as (

    {{ as_of(
        'far', ['moment_no', 'record_no', 'user_no'], 'before_window', 'own_events', ['own_before_no', 'own_before', 'own_before_touches'],
        'own_place', ['record_no', 'user_no']
    ) }}

),

windows as (

    select
        moments.*,
        own_before.own_before_no,
        own_before.own_before_touches,
        case when moments.others > {{ last }} then moments.others - {{ last }} + coalesce(own_before.own_before, 0) end as record_before
    from moments
    left join own_before on moments.moment_no = own_before.moment_no

),

windows_begun as (

    select distinct
        record_no,
        record_before as record_event_number
    from windows
    where record_before is not null

),

bounded as (

    select
        windows.*,
        cast(case when windows.others < {{ last }} then windows.others else {{ last }} end as {{ double() }}) as window_size,
        cast(
            case when windows.type_events < {{ last_of_type }} then windows.type_events else {{ last_of_type }} end as {{ double() }}
        ) as type_window_size,
        before.event_no as record_before_no,
        before.record_touches as record_before_touches
    from windows
    left join {{ looked_up(ref('int_record_events'), 'windows_begun', ['record_no', 'record_event_number']) }} as before
        on
            windows.record_no = before.record_no
            and windows.record_before = before.record_event_number

),

-- the first twelve fields of each type
first_words as (

    select
        moment_no,
        0 as word,
        is_announced,
        day_number,
        window_size,
        type_window_size,
        {{ between_rests('record_touches - coalesce(record_before_touches, 0) - own_touches + coalesce(own_before_touches, 0)') }}
            as touches,
        type_low_touches as low_touches,
        type_high_touches as high_touches
    from bounded

),

further_words as (

    {{ further_words('bounded') }}

),

said as (

    select
        moments.moment_no,
        moments.type_no,
        words_said.fields
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    inner join {{ looked_up(ref('int_edit_events'), words_announced(), ['row_no']) }} as words_said
        on moments.announced_no = words_said.row_no
    where moments.is_announced
    union all
    select
        moments.moment_no,
        moments.type_no,
        questions.announced_fields
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    inner join {{ of_open_days(ref('int_questions'), 'tenant_no') }} as questions on moments.moment_no = questions.moment_no
    where moments.is_announced

),

announced as (

    select
        named.moment_no,
        places.word,
        bit_or(places.touch) as touches
    from (
        select
            moment_no,
            type_no,
            {{ explode('fields') }} as field
        from said
    ) as named
    inner join {{ ref('int_type_fields') }} as places
        on
            named.type_no = places.type_no
            and named.field = places.field
    group by named.moment_no, places.word

),

touched as (

    select * from first_words
    where touches > 0
    union all
    select * from further_words

),

by_word as (

    select
        touched.moment_no,
        touched.word,
        touched.is_announced,
        touched.day_number,
        {{ missed('touched.touches', 'touched.window_size', p_by_type) }} as missed_by_type,
        case when announced.touches is null then 1 else {{ missed('touched.touches', 'touched.window_size', p_announced) }} end
            as missed_announced
    from touched
    left join announced
        on
            touched.moment_no = announced.moment_no
            and touched.word = announced.word

),

scored as (

    select
        moment_no,
        is_announced,
        day_number,
        {{ one_less_product('missed_by_type') }} as silent_score,
        {{ one_less_product('missed_announced') }} as announced_score
    from by_word
    group by moment_no, is_announced, day_number

)

select
    moment_no,
    case when is_announced then announced_score else silent_score end as score,
    silent_score,
    day_number
from scored
