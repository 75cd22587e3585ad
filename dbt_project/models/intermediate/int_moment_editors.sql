{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Other users who are at the record at each moment: an event received in the window before it, or an edit open at it.

  A moment of an event sees what had become visible before it, so whoever is there is there from one instant to another:
  a user's stays at a record are put together, how many begin and end there is counted up, and a moment looks up how far
  the count is. Nothing is joined with all that goes on at a busy record. What a question had seen is said by its answer and
  not by the time alone; questions meet events by bucket of the window's length, and edits as int_question_edits has them.
-#}

{% set window = var('presence_window_seconds') * 1000000 %}
{% set moment = ['moment_no', 'asked_us', 'record_user_no', 'day_number'] %}

with of_events as (

    select
        moment_no,
        {{ micros('asked_at') }} as asked_us,
        record_no,
        record_user_no,
        day_number
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    where moment_no > 0

),

-- from the first instant that sees it to the first that does not any more
stays as (

    select
        record_no,
        record_user_no,
        {{ micros('visible_at') }} + 1 as from_us,
        {{ micros('received_at') }} + {{ window }} as to_us
    from {{ in_reach(ref('int_event_numbers'), ['record_no', 'record_user_no', 'visible_at', 'received_at']) }} as events
    union all
    {{ stays_of_presence(['record_no', 'record_user_no'], 'of_events') }}

),

ordered as (

    select
        record_no,
        record_user_no,
        from_us,
        {{ running_max('to_us', 'earlier') }} as reached_us,
        max(to_us) over (partition by record_user_no) as last_us
    from stays
    where from_us < to_us
    window earlier as (partition by record_user_no order by from_us, to_us rows between unbounded preceding and 1 preceding)

),

-- a stay that begins before the last one is over goes on with it
visits as (

    select
        record_no,
        record_user_no,
        from_us,
        coalesce(lead(reached_us) over (partition by record_user_no order by from_us), last_us) as to_us
    from ordered
    where reached_us is null or from_us > reached_us

),

crowds as (

    {{ begun_and_not_ended('visits', 'users') }}

),

in_crowds as (

    {{ as_of('of_events', moment, 'asked_us', 'crowds', ['users'], 'at_us', ['record_no']) }}

),

not_alone as (

    select * from in_crowds
    where users > 0

),

with_own as (

    {{ as_of('not_alone', moment + ['users'], 'asked_us', 'visits', ['to_us as own_to_us'], 'from_us', ['record_user_no']) }}

),

asked as (

    select
        moment_no,
        as_of_no,
        record_no,
        user_no,
        {{ micros('asked_at') }} as asked_us,
        cast(floor({{ micros('asked_at') }} / {{ window }}) as {{ dbt.type_bigint() }}) as bucket,
        day_number
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    where moment_no < 0

),

received as (

    select
        event_no,
        record_no,
        user_no,
        {{ micros('received_at') }} as received_us,
        cast(floor({{ micros('received_at') }} / {{ window }}) as {{ dbt.type_bigint() }}) as bucket
    from {{ in_reach(ref('int_event_numbers'), ['event_no', 'record_no', 'user_no', 'received_at']) }} as events

),

present_when_asked as (

    select
        asked.moment_no,
        events.user_no
    from (
        select
            *,
            bucket as met_in
        from asked
        union all
        select
            *,
            bucket - 1
        from asked
    ) as asked
    inner join received as events
        on
            asked.record_no = events.record_no
            and asked.met_in = events.bucket
    where
        events.user_no <> asked.user_no
        and events.event_no <= asked.as_of_no
        and events.received_us > asked.asked_us - {{ window }}
        and events.received_us < asked.asked_us
    union
    select
        asked.moment_no,
        edits.user_no
    from asked
    inner join {{ of_open_days(ref('int_question_edits'), 'moment_no') }} as edits on asked.moment_no = edits.moment_no
    where edits.user_no <> asked.user_no

)

select
    moment_no,
    users - case when own_to_us > asked_us then 1 else 0 end as concurrent_editors,
    day_number
from with_own
where users > case when own_to_us > asked_us then 1 else 0 end
union all
select
    counted.moment_no,
    counted.concurrent_editors,
    asked.day_number
from (
    select
        moment_no,
        count(*) as concurrent_editors
    from present_when_asked
    group by moment_no
) as counted
inner join asked on counted.moment_no = asked.moment_no
