{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Other users who are at the record at each moment: an event received in the window before it, or an edit open at it.
  Recent events meet moments by bucket of the window's length, so that a busy record is not joined with itself whole.
  Who is there is noted as one bit of a word per user of the record: what is kept is a word or two a moment, not a row for
  each whom it meets.
-#}

{% set window = var('presence_window_seconds') * 1000000 %}
{% set users_in_a_word = 60 %}

with moments as (

    select
        moment_no,
        as_of_no,
        record_no,
        user_no,
        asked_at,
        {{ micros('asked_at') }} as asked_us,
        day_number
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments

),

moment_buckets as (

    select *, cast(floor(asked_us / {{ window }}) as {{ dbt.type_bigint() }}) as bucket from moments
    union all
    select *, cast(floor(asked_us / {{ window }}) - 1 as {{ dbt.type_bigint() }}) from moments

),

edits as (

    select
        moments.moment_no,
        moments.record_no,
        edits.user_no
    from moments
    inner join {{ of_open_days(ref('int_moment_edits'), 'moment_no') }} as edits on moments.moment_no = edits.moment_no
    where edits.user_no <> moments.user_no

),

record_users as (

    select
        record_no,
        user_no,
        row_number() over (partition by record_no order by user_no) - 1 as user_number
    from (
        select
            record_no,
            user_no
        from {{ events_in_reach() }} as events
        union
        select
            record_no,
            user_no
        from edits
    ) as met

),

user_bits as (

    select
        record_no,
        user_no,
        cast(floor(user_number / {{ users_in_a_word }}) as {{ dbt.type_bigint() }}) as word,
        cast(power(cast(2 as {{ double() }}), user_number % {{ users_in_a_word }}) as {{ dbt.type_bigint() }}) as user_bit
    from record_users

),

event_buckets as (

    select
        events.event_no,
        events.record_no,
        events.user_no,
        user_bits.word,
        user_bits.user_bit,
        {{ micros('events.received_at') }} as received_us,
        cast(floor({{ micros('events.received_at') }} / {{ window }}) as {{ dbt.type_bigint() }}) as bucket
    from {{ events_in_reach() }} as events
    inner join user_bits
        on
            events.record_no = user_bits.record_no
            and events.user_no = user_bits.user_no

),

recent as (

    select
        moments.moment_no,
        events.word,
        events.user_bit
    from moment_buckets as moments
    inner join event_buckets as events
        on
            moments.record_no = events.record_no
            and moments.bucket = events.bucket
    where
        events.user_no <> moments.user_no
        and events.event_no <= moments.as_of_no
        and events.received_us > moments.asked_us - {{ window }}
        and events.received_us < moments.asked_us

),

editing as (

    select
        edits.moment_no,
        user_bits.word,
        user_bits.user_bit
    from edits
    inner join user_bits
        on
            edits.record_no = user_bits.record_no
            and edits.user_no = user_bits.user_no

),

present as (

    select
        moment_no,
        word,
        bit_or(user_bit) as users
    from (
        select * from recent
        union all
        select * from editing
    ) as met
    group by moment_no, word

)

select
    counted.moment_no,
    counted.concurrent_editors,
    moments.day_number
from (
    select
        moment_no,
        cast(sum({{ bit_count('users') }}) as {{ dbt.type_bigint() }}) as concurrent_editors
    from present
    group by moment_no
) as counted
inner join moments on counted.moment_no = moments.moment_no
