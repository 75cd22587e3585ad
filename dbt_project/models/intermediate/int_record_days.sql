{{ config(materialized='incremental', unique_key='event_no') }}
{#- Each user's last event on a record on each day, with its running figures; the record's last is one of them. -#}

select
    event_no,
    record_no,
    record_user_no,
    record_event_number,
    record_first_event_at,
    record_touches,
    own_event_number,
    own_last_event_at,
    own_touches,
    day_number
from {{ of_open_days(ref('int_record_events'), 'event_no') }} as events
where ends_day
