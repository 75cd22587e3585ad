{{ config(materialized='incremental', unique_key='record_no') }}
{#- Records and their types as numbers: the first row of the log that names them. -#}

with named as (

    {{ first_named(['tenant_id', 'entity_type', 'entity_id'], 'record_no') }}

),

{% if is_day_build() %}

known as (

    select
        tenant_id,
        entity_type,
        entity_id,
        type_no
    from {{ of_closed_days(this, 'record_no') }} as held

),

known_records as (

    select
        named.tenant_id,
        named.entity_type,
        named.entity_id
    from named
    inner join known
        on
            named.tenant_id = known.tenant_id
            and named.entity_type = known.entity_type
            and named.entity_id = known.entity_id

),

known_types as (

    select
        tenant_id,
        entity_type,
        min(type_no) as type_no
    from known
    group by tenant_id, entity_type

),

found as (

    select
        named.tenant_id,
        named.entity_type,
        named.entity_id,
        named.record_no,
        known_types.type_no
    from named
    left join known_records
        on
            named.tenant_id = known_records.tenant_id
            and named.entity_type = known_records.entity_type
            and named.entity_id = known_records.entity_id
    left join known_types
        on
            named.tenant_id = known_types.tenant_id
            and named.entity_type = known_types.entity_type
    where known_records.tenant_id is null

),

{% else %}

found as (

    select
        tenant_id,
        entity_type,
        entity_id,
        record_no,
        cast(null as {{ dbt.type_bigint() }}) as type_no
    from named

),

{% endif %}

numbered as (

    select
        tenant_id,
        entity_type,
        entity_id,
        record_no,
        coalesce(type_no, min(record_no) over (partition by tenant_id, entity_type)) as type_no
    from found

)

select
    numbered.tenant_id,
    numbered.entity_type,
    numbered.entity_id,
    numbered.record_no,
    numbered.type_no,
    log.day_number
from numbered
inner join {{ of_open_days(ref('int_log'), 'row_no') }} as log on numbered.record_no = log.row_no
