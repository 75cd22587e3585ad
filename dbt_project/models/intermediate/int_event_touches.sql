{{ config(materialized='incremental', unique_key='event_no') }}
{#- Which fields an event touched, twelve to a row. -#}

select
    touches.event_no,
    places.word,
    bit_or(places.touch) as touches,
    bit_or(places.low_touch) as low_touches,
    bit_or(places.high_touch) as high_touches,
    touches.type_no,
    touches.type_event_number,
    touches.day_number
from (
    select
        numbers.event_no,
        numbers.type_no,
        numbers.type_event_number,
        numbers.day_number,
        {{ explode('changes.fields') }} as field
    from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
    inner join {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers on changes.row_no = numbers.event_no
) as touches
inner join {{ ref('int_type_fields') }} as places
    on
        touches.type_no = places.type_no
        and touches.field = places.field
group by touches.event_no, places.word, touches.type_no, touches.type_event_number, touches.day_number
