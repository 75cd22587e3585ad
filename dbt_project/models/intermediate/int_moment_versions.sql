{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  What was written to the record since the version that the editor said to have; no row for whoever has the newest or
  did not say. A record's versions are numbered without gaps: those behind are a range of numbers, not a search.
-#}

{% set asking = ['moment_no', 'record_no', 'as_of_no', 'day_number', 'base_version', 'announced_fields'] %}
{% set of_field = ['moment_no', 'record_no', 'as_of_no', 'base_version', 'is_deleted_since', 'field'] %}

with moments as (

    select
        moment_no,
        record_no,
        as_of_no,
        day_number,
        announced_base_version as base_version,
        announced_fields
    from {{ moments_to_build() }} as moments
    where announced_base_version is not null

),

bases as (

    select
        record_no,
        min(base_version) as base_version
    from moments
    group by record_no

),

versions as (

    select
        events.record_no,
        events.event_no,
        events.received_at,
        events.new_version,
        changes.operation,
        changes.fields
    from {{ ref('int_event_numbers') }} as events
    inner join bases
        on
            events.record_no = bases.record_no
            and events.new_version > bases.base_version
    inner join {{ ref('int_changes') }} as changes
        on
            events.event_no = changes.row_no
            and events.day_number = changes.day_number

),

deletions as (

    select
        record_no,
        event_no,
        new_version as deleted_version
    from versions
    where operation = 'delete'

),

with_version as (

    {{ as_of('moments', asking, 'as_of_no', 'versions', ['new_version as record_version'], 'event_no', ['record_no']) }}

),

with_deletion as (

    {{ as_of(
        'with_version', asking + ['record_version'], 'as_of_no', 'deletions', ['deleted_version'], 'event_no', ['record_no']
    ) }}

),

behind as (

    select
        {{ asking | join(', ') }},
        record_version,
        coalesce(deleted_version > base_version, false) as is_deleted_since
    from with_deletion
    where record_version > base_version

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
        record_no,
        event_no,
        new_version,
        {{ explode('fields') }} as field
    from versions

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
