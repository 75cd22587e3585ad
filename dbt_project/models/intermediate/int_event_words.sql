{#-
  How often each field was touched up to each event: on the record, and by the event's own user on it. For every word
  of fields that the record ever has, so that an event is found by its number alone.
-#}

with record_words as (

    select distinct
        numbers.record_no,
        touches.word
    from {{ ref('int_event_touches') }} as touches
    inner join {{ ref('int_event_numbers') }} as numbers on touches.event_no = numbers.event_no

)

select
    numbers.event_no,
    record_words.word,
    {{ packed_sum('coalesce(touches.touches, 0)') }} over by_record as record_touches,
    {{ packed_sum('coalesce(touches.touches, 0)') }} over by_record_and_user as own_touches
from {{ ref('int_event_numbers') }} as numbers
inner join record_words on numbers.record_no = record_words.record_no
left join {{ ref('int_event_touches') }} as touches
    on
        numbers.event_no = touches.event_no
        and record_words.word = touches.word
window
    by_record as {{ up_to_here(['numbers.record_no', 'record_words.word'], ['numbers.event_no']) }},
    by_record_and_user as {{ up_to_here(['numbers.record_no', 'numbers.user_no', 'record_words.word'], ['numbers.event_no']) }}
