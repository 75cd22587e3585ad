select
    tenant_id,
    source_digest,
    anchor_at,
    -- a history that was squeezed onto recent days, not one that kept its own times
    coalesce({{ json_text('mapping', 'keep_times') }}, 'false') <> 'true' as is_mapped_time
from {{ source('sync', 'replay_anchor') }}
