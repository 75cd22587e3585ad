{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  What was written to the record since the version that the editor said to have; no row for whoever has the newest or
  did not say. A record's versions are numbered without gaps: those behind are a range of numbers, not a search.
-#}

{% set of_field = ['moment_no', 'record_no', 'as_of_no', 'base_version', 'is_deleted_since', 'field'] %}

with behind as (

    select
        moments.moment_no,
        moments.record_no,
        moments.as_of_no,
        moments.day_number,
        moments.announced_base_version as base_version,
        moments.announced_fields,
        history.record_version,
        coalesce(history.record_deleted_version > moments.announced_base_version, false) as is_deleted_since
    from {{ moments_to_build() }} as moments
    inner join {{ of_open_days(ref('int_moment_history'), 'moment_no') }} as history on moments.moment_no = history.moment_no
    where history.record_version > moments.announced_base_version

),

left_behind as (

    select
        record_no,
        min(base_version) as base_version
    from behind
    group by record_no

),

versions as (

    select
        events.record_no,
        events.event_no,
        events.received_at,
        events.new_version,
        events.day_number
    from {{ ref('int_event_numbers') }} as events
    inner join left_behind
        on
            events.record_no = left_behind.record_no
            and events.new_version > left_behind.base_version

),

announced as (

    select distinct
        moment_no,
        record_no,
        as_of_no,
        base_version,
        is_deleted_since,
        {{ explode('announced_fields') }} as field
    from behind

),

written as (

    select distinct
        versions.record_no,
        versions.event_no,
        versions.new_version,
        {{ explode('changes.fields') }} as field
    from versions
    inner join {{ ref('int_changes') }} as changes
        on
            versions.event_no = changes.row_no
            and versions.day_number = changes.day_number

),

fields_as_of as (

    {{ as_of('announced', of_field, 'as_of_no', 'written', ['new_version'], 'event_no', ['record_no', 'field']) }}

),

counted as (

    select
        moment_no,
        count(*) as announced,
        -- a delete touches every field
        sum(case when is_deleted_since or new_version > base_version then 1 else 0 end) as touched
    from fields_as_of
    group by moment_no

)

select
    behind.moment_no,
    behind.record_version - behind.base_version as versions_behind,
    cast(coalesce(counted.touched, 0) as {{ dbt.type_bigint() }}) as fields_behind,
    cast(coalesce(counted.announced, 0) as {{ dbt.type_bigint() }}) as fields_announced,
    missed.received_at as behind_since,
    behind.day_number
from behind
left join versions as missed
    on
        behind.record_no = missed.record_no
        and behind.base_version + 1 = missed.new_version
left join counted on behind.moment_no = counted.moment_no
