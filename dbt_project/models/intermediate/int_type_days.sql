{{ config(materialized='incremental', unique_key='event_no') }}
{#- Each entity type's last event on each day, with its running figures. -#}

select
    event_no,
    type_no,
    type_event_number,
    type_low_touches,
    type_high_touches,
    day_number
from {{ of_open_days(ref('int_type_events'), 'event_no') }} as events
where ends_day
