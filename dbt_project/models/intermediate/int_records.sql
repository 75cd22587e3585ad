{#- Records and their types as numbers: the first row of the log that names them. -#}

with named as (

    select
        tenant_id,
        entity_type,
        entity_id,
        min(seq) as first_seq
    from (
        select
            tenant_id,
            entity_type,
            entity_id,
            seq
        from {{ ref('stg_sync__changes') }}
        union all
        select
            tenant_id,
            entity_type,
            entity_id,
            seq
        from {{ ref('stg_sync__edit_events') }}
    ) as log
    group by tenant_id, entity_type, entity_id

),

numbered as (

    select
        named.tenant_id,
        named.entity_type,
        named.entity_id,
        {{ row_number_in('tenants.tenant_no', 'named.first_seq') }} as record_no
    from named
    inner join {{ ref('int_tenants') }} as tenants on named.tenant_id = tenants.tenant_id

)

select
    *,
    min(record_no) over (partition by tenant_id, entity_type) as type_no
from numbered
