-- depends_on: {{ ref('int_days') }}
-- depends_on: {{ ref('int_record_days') }}
-- depends_on: {{ ref('int_type_fields') }}
{{ config(materialized='incremental', unique_key='event_no') }}
{#-
  How often each field was touched up to each event: on the record, and by the event's own user on it. For every word
  of fields that the record had by then.
-#}

{#- Read where they are wanted: a common table would be a copy of them. -#}
{% set numbers = of_open_days(ref('int_event_numbers'), 'event_no') %}
{% set touches = of_open_days(ref('int_event_touches'), 'event_no') %}

with
{% if is_day_build() %}

-- those of records that may have words: of types with more fields than go into the first
worded as (

    select
        numbers.record_no,
        numbers.record_user_no
    from {{ numbers }} as numbers
    inner join ({{ types_of_more_words() }}) as types on numbers.type_no = types.type_no

),

-- the last events before the open days
lasts as (

    select
        record_no,
        cast(null as {{ dbt.type_bigint() }}) as record_user_no,
        event_no
    from {{ last_before(ref('int_record_days'), ['record_no'], 'worded', open_from()) }} as of_records
    union all
    select
        record_no,
        record_user_no,
        event_no
    from {{ last_before(ref('int_record_days'), ['record_user_no'], 'worded', open_from()) }} as of_users

),

words_then as (

    select kept.*
    from {{ this }} as kept
    inner join (select distinct event_no from lasts) as wanted on kept.event_no = wanted.event_no

),

before_record as (

    select
        lasts.record_no,
        words_then.word,
        words_then.record_touches
    from lasts
    inner join words_then on lasts.event_no = words_then.event_no
    where lasts.record_user_no is null

),

before_own as (

    select
        lasts.record_user_no,
        words_then.word,
        words_then.own_touches
    from lasts
    inner join words_then on lasts.event_no = words_then.event_no
    where lasts.record_user_no is not null

),

{% else %}

before_record as (

    {{ no_rows(['record_no', 'word', 'record_touches']) }}

),

before_own as (

    {{ no_rows(['record_user_no', 'word', 'own_touches']) }}

),

{% endif %}

record_words as (

    select
        record_no,
        word,
        min(since_no) as since_no
    from (
        select
            record_no,
            word,
            0 as since_no
        from before_record
        union all
        select
            numbers.record_no,
            touches.word,
            touches.event_no
        from {{ touches }} as touches
        inner join {{ numbers }} as numbers on touches.event_no = numbers.event_no
    ) as met
    group by record_no, word

),

summed as (

    select
        numbers.event_no,
        numbers.record_no,
        numbers.record_user_no,
        numbers.day_number,
        record_words.word,
        {{ packed_sum('coalesce(touches.touches, 0)', 'by_record') }} as record_touches,
        {{ packed_sum('coalesce(touches.touches, 0)', 'by_record_user') }} as own_touches
    from {{ numbers }} as numbers
    inner join record_words
        on
            numbers.record_no = record_words.record_no
            and numbers.event_no >= record_words.since_no
    left join {{ touches }} as touches
        on
            numbers.event_no = touches.event_no
            and record_words.word = touches.word
    window
        by_record as {{ up_to_here(['numbers.record_no', 'record_words.word'], ['numbers.event_no']) }},
        by_record_user as {{ up_to_here(['numbers.record_user_no', 'record_words.word'], ['numbers.event_no']) }}

)

select
    summed.event_no,
    summed.word,
    {{ rest_of_a_word('summed.record_touches + coalesce(before_record.record_touches, 0)') }} as record_touches,
    {{ rest_of_a_word('summed.own_touches + coalesce(before_own.own_touches, 0)') }} as own_touches,
    summed.day_number
from summed
left join before_record
    on
        summed.record_no = before_record.record_no
        and summed.word = before_record.word
left join before_own
    on
        summed.record_user_no = before_own.record_user_no
        and summed.word = before_own.word
