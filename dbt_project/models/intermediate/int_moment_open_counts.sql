{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Others' edits that are open at each moment of an event at which nothing had been announced; no row for none.

  A moment of an event sees what had become visible before it, so that edits are open from one instant to another: how many
  begin and end at a record is counted up, and a moment looks up how far the count is. No edit is met but the asker's own, to be taken
  off again where it is on the same device. An edit that a moment is about has announced itself, and so is not open at any of these.
-#}

{% set of_silent_events = 'moment_no > 0 and announced_no is null' %}

with moments as (

    select
        moment_no,
        {{ micros('asked_at') }} as asked_us,
        record_no,
        day_number
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    where {{ of_silent_events }}

),

stays as (

    {{ stays_of_presence(['record_no'], 'moments') }}

),

open_then as (

    {{ begun_and_not_ended('stays', 'edits') }}

),

met as (

    {{ as_of('moments', ['moment_no', 'day_number'], 'asked_us', 'open_then', ['edits'], 'at_us', ['record_no']) }}

),

own as (

    {{ open_edits(of_silent_events, 'record_user_no') }}

),

own_counted as (

    select
        own.moment_no,
        sum(case when words.device_id <> events.device_id then 0 else 1 end) as not_others,
        sum(case when words.device_id <> events.device_id then 1 else 0 end) as of_others
    from own
    inner join {{ of_open_days(ref('int_changes'), 'row_no') }} as events on {{ event_of('own.moment_no') }} = events.row_no
    inner join {{ looked_up(ref('int_edit_events'), '(select distinct from_no as row_no from own)', ['row_no']) }} as words
        on own.from_no = words.row_no
    group by own.moment_no

)

select
    met.moment_no,
    cast(met.edits - coalesce(own_counted.not_others, 0) as {{ dbt.type_bigint() }}) as open_edits,
    cast(coalesce(own_counted.of_others, 0) as {{ dbt.type_bigint() }}) as open_edits_same_user,
    met.day_number
from met
left join own_counted on met.moment_no = own_counted.moment_no
where met.edits > coalesce(own_counted.not_others, 0)
