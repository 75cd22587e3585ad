{#- Tenants as numbers. In an order that every engine has of it, whatever its collation. -#}

select
    tenant_id,
    cast(row_number() over (order by md5(tenant_id)) as {{ dbt.type_bigint() }}) as tenant_no
from (
    select tenant_id from {{ ref('stg_sync__changes') }}
    union
    select tenant_id from {{ ref('stg_sync__edit_events') }}
    union
    select tenant_id from {{ ref('stg_sync__predictions') }}
) as named
