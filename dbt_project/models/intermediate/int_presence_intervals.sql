{{ config(materialized='view') }}
{#- What each presence event says holds from its seq until the next event of the same edit, and not past expires_at. -#}

with ordered as (

    select
        *,
        lead(seq) over (partition by tenant_id, edit_id order by seq) as next_seq,
        first_value(received_at) over (partition by tenant_id, edit_id order by seq) as opened_at
    from {{ ref('stg_sync__edit_events') }}

)

select
    tenant_id,
    edit_event_id,
    edit_id,
    entity_type,
    entity_id,
    user_id,
    device_id,
    base_version,
    fields,
    opened_at,
    seq as from_seq,
    -- exclusive
    coalesce(next_seq, 9223372036854775807) as to_seq,
    expires_at
from ordered
where event <> 'closed'
