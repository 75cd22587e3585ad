select
    tenant_id,
    name,
    created_at
from {{ source('sync', 'tenant') }}
