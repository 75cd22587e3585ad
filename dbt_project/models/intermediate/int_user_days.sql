{{ config(materialized='incremental', unique_key='event_no') }}
{#- Each user's last event on each day, with its running figures. -#}

select
    event_no,
    user_no,
    user_event_number,
    user_conflicts,
    day_number
from {{ of_open_days(ref('int_user_events'), 'event_no') }} as events
where ends_day
