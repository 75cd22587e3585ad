select
    tenant_id,
    entity_type,
    version,
    strategy,
    auto_resolve as is_auto_resolved,
    mode,
    created_by,
    created_at
from {{ source('sync', 'tenant_conflict_policy') }}
