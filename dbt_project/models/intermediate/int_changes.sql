{{ config(materialized='incremental', unique_key='row_no') }}
{#- Changes as far as they are held: all that the other models want of them, read from the lake once. -#}

{{ held_rows('stg_sync__changes', [
    'tenant_id', 'event_id', 'seq', 'received_at', 'edited_at', 'user_id', 'device_id', 'sync_id', 'sync_session_id', 'entity_type',
    'entity_id', 'edit_id', 'operation', 'new_version', 'outcome', 'fields', 'is_conflicted',
]) }}
