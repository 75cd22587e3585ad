{#-
  Other users who are at the record at each moment: an event received in the window before it, or an edit open at it.
  Recent events meet moments by bucket of the window's length, so that a busy record is not joined with itself whole.
-#}

{% set window = var('presence_window_seconds') * 1000000 %}

with moments as (

    select
        *,
        {{ micros('asked_at') }} as asked_us
    from {{ ref('int_moments') }}

),

moment_buckets as (

    select *, floor(asked_us / {{ window }}) as bucket from moments
    union all
    select *, floor(asked_us / {{ window }}) - 1 from moments

),

event_buckets as (

    select
        tenant_id,
        entity_type,
        entity_id,
        user_id,
        seq,
        {{ micros('received_at') }} as received_us,
        floor({{ micros('received_at') }} / {{ window }}) as bucket
    from {{ ref('int_events') }}

),

recent as (

    select
        moments.tenant_id,
        moments.moment_id,
        events.user_id
    from moment_buckets as moments
    inner join event_buckets as events
        on
            moments.tenant_id = events.tenant_id
            and moments.entity_type = events.entity_type
            and moments.entity_id = events.entity_id
            and moments.bucket = events.bucket
    where
        events.user_id <> moments.user_id
        and events.seq <= moments.as_of_seq
        and events.received_us > moments.asked_us - {{ window }}
        and events.received_us < moments.asked_us

),

editing as (

    select
        moments.tenant_id,
        moments.moment_id,
        intervals.user_id
    from moments
    inner join {{ ref('int_presence_intervals') }} as intervals
        on
            moments.tenant_id = intervals.tenant_id
            and moments.entity_type = intervals.entity_type
            and moments.entity_id = intervals.entity_id
            and moments.as_of_seq >= intervals.from_seq
            and moments.as_of_seq < intervals.to_seq
    where
        intervals.user_id <> moments.user_id
        and intervals.expires_at > moments.asked_at

)

select
    tenant_id,
    moment_id,
    count(distinct user_id) as concurrent_editors
from (
    select * from recent
    union all
    select * from editing
) as present
group by tenant_id, moment_id
