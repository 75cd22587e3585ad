{{ config(materialized='incremental', unique_key='row_no') }}
{#- Presence as far as it is held, read from the lake once. -#}

{{ held_rows('stg_sync__edit_events', [
    'tenant_id', 'edit_event_id', 'edit_id', 'seq', 'event', 'received_at', 'expires_at', 'user_id', 'device_id', 'entity_type',
    'entity_id', 'base_version', 'fields',
]) }}
