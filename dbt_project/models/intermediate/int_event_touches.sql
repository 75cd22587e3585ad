{#- Which fields an event touched, twelve to a row. -#}

select
    touches.event_no,
    places.word,
    bit_or(places.touch) as touches,
    bit_or(places.low_touch) as low_touches,
    bit_or(places.high_touch) as high_touches
from (
    select
        event_no,
        type_no,
        {{ explode('fields') }} as field
    from {{ ref('int_events') }}
) as touches
inner join {{ ref('int_type_fields') }} as places
    on
        touches.type_no = places.type_no
        and touches.field = places.field
group by touches.event_no, places.word
