select
    tenant_id,
    device_id,
    user_id,
    first_seen_at,
    last_seen_at
from {{ source('sync', 'device') }}
