{{ config(materialized='incremental', unique_key='event_no') }}
{#- Which fields an event touched beyond the first twelve of its type, which are with the event itself: twelve to a row. -#}

select
    numbers.event_no,
    field_sets.word,
    field_sets.touches,
    field_sets.low_touches,
    field_sets.high_touches,
    numbers.type_no,
    type_events.type_event_number,
    numbers.day_number
from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
inner join {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers on changes.row_no = numbers.event_no
inner join {{ of_open_days(ref('int_type_events'), 'event_no') }} as type_events on numbers.event_no = type_events.event_no
inner join {{ ref('int_field_sets') }} as field_sets
    on
        numbers.type_no = field_sets.type_no
        and changes.fields = field_sets.fields
where field_sets.word > 0
