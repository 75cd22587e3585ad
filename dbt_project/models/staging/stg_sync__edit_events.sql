select
    tenant_id,
    cast(id as {{ dbt.type_string() }}) as edit_event_id,
    cast(edit_id as {{ dbt.type_string() }}) as edit_id,
    seq,
    event,
    user_id,
    device_id,
    entity_type,
    entity_id,
    base_version,
    fields,
    received_at,
    expires_at
from {{ source('sync', 'edit_session_event') }}
