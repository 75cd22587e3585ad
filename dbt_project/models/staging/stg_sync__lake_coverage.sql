select
    tenant_id,
    held_to_seq,
    missing_from_seq
from {{ source('sync', 'lake_coverage') }}
