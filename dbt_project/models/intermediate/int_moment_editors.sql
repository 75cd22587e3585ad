{#-
  Other users who are at the record at each moment: an event received in the window before it, or an edit open at it.
  Recent events meet moments by bucket of the window's length, so that a busy record is not joined with itself whole.
-#}

{% set window = var('presence_window_seconds') * 1000000 %}

with moments as (

    select
        moment_no,
        as_of_no,
        record_no,
        user_no,
        asked_at,
        {{ micros('asked_at') }} as asked_us
    from {{ ref('int_moment_numbers') }}

),

moment_buckets as (

    select *, cast(floor(asked_us / {{ window }}) as {{ dbt.type_bigint() }}) as bucket from moments
    union all
    select *, cast(floor(asked_us / {{ window }}) - 1 as {{ dbt.type_bigint() }}) from moments

),

event_buckets as (

    select
        event_no,
        record_no,
        user_no,
        {{ micros('received_at') }} as received_us,
        cast(floor({{ micros('received_at') }} / {{ window }}) as {{ dbt.type_bigint() }}) as bucket
    from {{ ref('int_event_numbers') }}

),

recent as (

    select
        moments.moment_no,
        events.user_no
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
        moments.moment_no,
        edits.user_no
    from moments
    inner join {{ ref('int_moment_edits') }} as edits on moments.moment_no = edits.moment_no
    where edits.user_no <> moments.user_no

)

select
    moment_no,
    count(distinct user_no) as concurrent_editors
from (
    select * from recent
    union all
    select * from editing
) as present
group by moment_no
