-- depends_on: {{ ref('int_days') }}
{{ config(materialized='incremental', unique_key='event_no') }}
{#- Running figures of records, and of each user on a record. -#}

{#- Read where they are wanted: a common table would be a copy of them. -#}
{% set numbers = of_open_days(ref('int_event_numbers'), 'event_no') %}

with before_record as (

    {% if is_day_build() %}
    select
        record_no,
        record_event_number,
        record_first_event_at,
        record_touches
    from {{ last_before(as_left('int_record_days'), ['record_no'], numbers, open_from()) }} as lasts
    {% else %}
    {{ no_rows(['record_no', 'record_event_number', 'record_touches'], ['record_first_event_at']) }}
    {% endif %}

),

before_own as (

    {% if is_day_build() %}
    select
        record_user_no,
        own_event_number,
        own_last_event_at,
        own_touches
    from {{ last_before(as_left('int_record_days'), ['record_user_no'], numbers, open_from()) }} as lasts
    {% else %}
    {{ no_rows(['record_user_no', 'own_event_number', 'own_touches'], ['own_last_event_at']) }}
    {% endif %}

),

-- An event received when it became visible came after all before it; where one did not, the first and the last are not those of the log.
late_records as (

    select distinct record_no
    from {{ numbers }} as numbers
    where received_at < visible_at

),

come_late as (

    select
        numbers.event_no,
        {{ running_min('numbers.received_at', 'by_record') }} as first_event_at,
        {{ running_max('numbers.received_at', 'by_record_user') }} as last_event_at
    from {{ numbers }} as numbers
    inner join late_records on numbers.record_no = late_records.record_no
    window
        by_record as {{ up_to_here(['numbers.record_no'], ['numbers.event_no']) }},
        by_record_user as {{ up_to_here(['numbers.record_user_no'], ['numbers.event_no']) }}

),

-- one after the other: a window carries all columns of its rows along, and the halves of sums that it has not yet put together
counted_of_record as (

    select
        event_no,
        record_no,
        record_user_no,
        received_at,
        touches,
        day_number,
        row_number() over by_record as record_number,
        first_value(received_at) over by_record as first_event_at,
        {{ packed_sum('touches', 'by_record') }} as record_touched
    from {{ numbers }} as numbers
    window by_record as {{ up_to_here(['record_no'], ['event_no']) }}

),

counted as (

    select
        event_no,
        record_no,
        record_user_no,
        received_at,
        day_number,
        record_number,
        first_event_at,
        record_touched,
        row_number() over by_record_user as own_number,
        {{ packed_sum('touches', 'by_record_user') }} as own_touched,
        {{ ends_a_day(['record_user_no'], ['event_no']) }} as ends_day
    from counted_of_record
    window by_record_user as {{ up_to_here(['record_user_no'], ['event_no']) }}

)

select
    counted.event_no,
    counted.record_no,
    counted.record_user_no,
    counted.record_number + coalesce(before_record.record_event_number, 0) as record_event_number,
    least(coalesce(come_late.first_event_at, counted.first_event_at), before_record.record_first_event_at) as record_first_event_at,
    {{ rest_of_a_word('counted.record_touched + coalesce(before_record.record_touches, 0)') }} as record_touches,
    counted.own_number + coalesce(before_own.own_event_number, 0) as own_event_number,
    greatest(coalesce(come_late.last_event_at, counted.received_at), before_own.own_last_event_at) as own_last_event_at,
    {{ rest_of_a_word('counted.own_touched + coalesce(before_own.own_touches, 0)') }} as own_touches,
    counted.ends_day,
    counted.day_number
from counted
left join come_late on counted.event_no = come_late.event_no
left join before_record on counted.record_no = before_record.record_no
left join before_own on counted.record_user_no = before_own.record_user_no
-- in the order of the log, so that a day's rows lie together
order by counted.event_no
