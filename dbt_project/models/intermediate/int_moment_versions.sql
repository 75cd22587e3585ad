{#-
  What was written to the record since the version that the editor said to have; no row for whoever has the newest or
  did not say. A record's versions are numbered without gaps: those behind are a range of numbers, not a search.
-#}

{% set of_moment = ['moment_no', 'record_no', 'as_of_no', 'base_version', 'announced_fields'] %}
{% set of_field = ['moment_no', 'record_no', 'as_of_no', 'base_version', 'is_deleted_since', 'field'] %}

with versions as (

    select
        record_no,
        event_no,
        received_at,
        new_version,
        max(case when operation = 'delete' then new_version end) over {{ up_to_here(['record_no'], ['event_no']) }} as deleted_version,
        fields
    from {{ ref('int_events') }}
    where new_version is not null

),

based as (

    select
        moment_no,
        record_no,
        as_of_no,
        announced_base_version as base_version,
        announced_fields
    from {{ ref('int_moments') }}
    where announced_base_version is not null

),

records_as_of as (

    {{ as_of('based', of_moment, 'as_of_no', 'versions', ['new_version', 'deleted_version'], 'event_no', ['record_no']) }}

),

behind as (

    select
        {{ of_moment | join(', ') }},
        new_version as record_version,
        coalesce(deleted_version > base_version, false) as is_deleted_since
    from records_as_of
    where new_version > base_version

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

left_behind as (

    select distinct record_no
    from behind

),

written as (

    select distinct
        versions.record_no,
        versions.event_no,
        versions.new_version,
        {{ explode('versions.fields') }} as field
    from versions
    inner join left_behind on versions.record_no = left_behind.record_no

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
    missed.received_at as behind_since
from behind
left join versions as missed
    on
        behind.record_no = missed.record_no
        and behind.base_version + 1 = missed.new_version
left join counted on behind.moment_no = counted.moment_no
