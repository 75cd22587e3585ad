{#- Events: changes that took part in the life of a record, with their places in the orders that features count in. -#}

select
    tenant_id,
    event_id,
    seq,
    received_at,
    edited_at,
    user_id,
    device_id,
    sync_id,
    sync_session_id,
    entity_type,
    entity_id,
    edit_id,
    fields,
    is_conflicted,
    row_number() over (partition by tenant_id, entity_type, entity_id order by seq) as record_event_number,
    row_number() over (partition by tenant_id, entity_type order by seq) as type_event_number,
    -- other users' events on the record before this one
    row_number() over (partition by tenant_id, entity_type, entity_id order by seq)
    - row_number() over (partition by tenant_id, entity_type, entity_id, user_id order by seq) as others_before
from {{ ref('stg_sync__changes') }}
where outcome in ('applied', 'merged', 'conflict')
