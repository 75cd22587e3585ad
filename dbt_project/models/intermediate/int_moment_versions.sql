{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  What was written to the record since the version that the editor said to have; no row for whoever has the newest or
  did not say. How far a record is, is looked up for all that said one; what was written to it, and what they announced, only for those behind.
-#}

{% set moments = moments_to_build() %}
{% set asking = ['moment_no', 'record_no', 'as_of_no', 'day_number', 'base_version'] %}

with asked as (

    select
        moment_no,
        record_no,
        as_of_no,
        day_number,
        announced_base_version as base_version
    from {{ moments }} as moments
    where announced_base_version is not null

),

bases as (

    select
        record_no,
        min(base_version) as base_version
    from asked
    group by record_no

),

versions as (

    select
        events.record_no,
        events.event_no,
        events.new_version as record_version
    from {{ ref('int_event_numbers') }} as events
    inner join bases
        on
            events.record_no = bases.record_no
            and events.new_version > bases.base_version

),

with_version as (

    {{ as_of('asked', asking, 'as_of_no', 'versions', ['record_version'], 'event_no', ['record_no']) }}

),

behind as (

    select * from with_version
    where record_version > base_version

),

-- of each record, from the first version that somebody lacks to the last that somebody could have seen
lacking as (

    select
        record_no,
        min(base_version) as base_version,
        max(as_of_no) as as_of_no
    from behind
    group by record_no

),

lacked as (

    select
        events.record_no,
        events.event_no,
        events.new_version,
        events.received_at,
        events.day_number
    from {{ ref('int_event_numbers') }} as events
    inner join lacking
        on
            events.record_no = lacking.record_no
            and events.new_version > lacking.base_version
            and events.event_no <= lacking.as_of_no

),

deletions as (

    select
        lacked.record_no,
        lacked.event_no,
        lacked.new_version as deleted_version
    from lacked
    inner join {{ ref('int_changes') }} as changes
        on
            lacked.event_no = changes.row_no
            and lacked.day_number = changes.day_number
    where changes.operation = 'delete'

),

with_deletion as (

    {{ as_of('behind', ['moment_no', 'base_version'], 'as_of_no', 'deletions', ['deleted_version'], 'event_no', ['record_no']) }}

),

announced as (

    select distinct
        behind.moment_no,
        behind.record_no,
        behind.as_of_no,
        behind.base_version,
        {{ explode('moments.announced_fields') }} as field
    from behind
    inner join {{ moments }} as moments on behind.moment_no = moments.moment_no
    where {{ array_size('moments.announced_fields') }} > 0

),

asked_for as (

    select distinct
        record_no,
        field
    from announced

),

named as (

    select
        lacked.record_no,
        lacked.event_no,
        lacked.new_version,
        {{ explode('changes.fields') }} as field
    from lacked
    inner join {{ ref('int_changes') }} as changes
        on
            lacked.event_no = changes.row_no
            and lacked.day_number = changes.day_number

),

written as (

    select distinct
        named.record_no,
        named.event_no,
        named.new_version,
        named.field
    from named
    inner join asked_for
        on
            named.record_no = asked_for.record_no
            and named.field = asked_for.field

),

fields_as_of as (

    {{ as_of('announced', ['moment_no', 'base_version'], 'as_of_no', 'written', ['new_version'], 'event_no', ['record_no', 'field']) }}

),

counted as (

    select
        moment_no,
        count(*) as announced,
        sum(case when new_version > base_version then 1 else 0 end) as touched
    from fields_as_of
    group by moment_no

)

select
    behind.moment_no,
    behind.record_version - behind.base_version as versions_behind,
    -- a delete touches every field
    cast(
        coalesce(case when with_deletion.deleted_version > behind.base_version then counted.announced else counted.touched end, 0)
        as {{ dbt.type_bigint() }}
    ) as fields_behind,
    cast(coalesce(counted.announced, 0) as {{ dbt.type_bigint() }}) as fields_announced,
    first_lacked.received_at as behind_since,
    behind.day_number
from behind
left join with_deletion on behind.moment_no = with_deletion.moment_no
left join lacked as first_lacked
    on
        behind.record_no = first_lacked.record_no
        and behind.base_version + 1 = first_lacked.new_version
left join counted on behind.moment_no = counted.moment_no
