-- depends_on: {{ ref('int_days') }}
{{ config(materialized='incremental', unique_key='event_no') }}
{#- Running figures of records, and of each user on a record. -#}

with events as (

    select
        event_no,
        record_no,
        user_no,
        received_at,
        touches,
        day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers

),

before_record as (

    {% if is_day_build() %}
    select
        record_no,
        record_event_number,
        record_first_event_at,
        record_touches
    from {{ last_before(as_left('int_record_days'), ['record_no'], 'events', open_from()) }} as lasts
    {% else %}
    {{ no_rows(['record_no', 'record_event_number', 'record_touches'], ['record_first_event_at']) }}
    {% endif %}

),

before_own as (

    {% if is_day_build() %}
    select
        record_no,
        user_no,
        own_event_number,
        own_last_event_at,
        own_touches
    from {{ last_before(as_left('int_record_days'), ['record_no', 'user_no'], 'events', open_from()) }} as lasts
    {% else %}
    {{ no_rows(['record_no', 'user_no', 'own_event_number', 'own_touches'], ['own_last_event_at']) }}
    {% endif %}

),

counted as (

    select
        event_no,
        record_no,
        user_no,
        day_number,
        row_number() over by_record as record_number,
        {{ running_min('received_at', 'by_record') }} as first_event_at,
        {{ packed_sum('touches', 'by_record') }} as record_touched,
        row_number() over by_record_and_user as own_number,
        {{ running_max('received_at', 'by_record_and_user') }} as last_event_at,
        {{ packed_sum('touches', 'by_record_and_user') }} as own_touched,
        {{ ends_a_day(['record_no', 'user_no'], ['event_no']) }} as ends_day
    from events
    window
        by_record as {{ up_to_here(['record_no'], ['event_no']) }},
        by_record_and_user as {{ up_to_here(['record_no', 'user_no'], ['event_no']) }}

)

select
    counted.event_no,
    counted.record_no,
    counted.user_no,
    counted.record_number + coalesce(before_record.record_event_number, 0) as record_event_number,
    least(counted.first_event_at, before_record.record_first_event_at) as record_first_event_at,
    {{ rest_of_a_word('counted.record_touched + coalesce(before_record.record_touches, 0)') }} as record_touches,
    counted.own_number + coalesce(before_own.own_event_number, 0) as own_event_number,
    greatest(counted.last_event_at, before_own.own_last_event_at) as own_last_event_at,
    {{ rest_of_a_word('counted.own_touched + coalesce(before_own.own_touches, 0)') }} as own_touches,
    counted.ends_day,
    counted.day_number
from counted
left join before_record on counted.record_no = before_record.record_no
left join before_own
    on
        counted.record_no = before_own.record_no
        and counted.user_no = before_own.user_no
-- in the order of the log, so that a day's rows lie together
order by counted.event_no
