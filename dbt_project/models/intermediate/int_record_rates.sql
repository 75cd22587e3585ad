-- depends_on: {{ ref('int_days') }}
-- depends_on: {{ ref('int_record_days') }}
{{ config(materialized='incremental', unique_key='event_no') }}
{#-
  What had conflicted on each event's record up to it, and when the newest of it had been received: a record's newest time never goes
  back. Counted are timed events, which were edited before they were received: of others nobody knows when they began, and few of them
  can conflict.
-#}

with events as (

    select
        event_no,
        record_no,
        {{ micros('received_at') }} as received_us,
        case when edited_at < received_at and is_conflicted then 1 else 0 end as conflicted,
        day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers

),

before as (

    {% if is_day_build() %}
    select
        lasts.record_no,
        held.record_events,
        held.record_received_us,
        held.record_conflicts
    from {{ last_before(ref('int_record_days'), ['record_no'], 'events', open_from()) }} as lasts
    inner join {{ this }} as held on lasts.event_no = held.event_no
    {% else %}
    {{ no_rows(['record_no', 'record_events', 'record_received_us', 'record_conflicts']) }}
    {% endif %}

),

counted as (

    select
        event_no,
        record_no,
        conflicted,
        day_number,
        row_number() over by_record as events,
        {{ running_max('received_us', 'by_record') }} as received_us,
        {{ running_sum('conflicted', 'by_record') }} as conflicts
    from events
    window by_record as {{ up_to_here(['record_no'], ['event_no']) }}

)

select
    counted.event_no,
    counted.record_no,
    counted.events + coalesce(before.record_events, 0) as record_events,
    greatest(counted.received_us, before.record_received_us) as record_received_us,
    counted.conflicts + coalesce(before.record_conflicts, 0) as record_conflicts,
    counted.conflicted,
    counted.day_number
from counted
left join before on counted.record_no = before.record_no
