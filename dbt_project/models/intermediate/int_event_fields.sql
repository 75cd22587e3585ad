{{ config(materialized='view') }}
select distinct
    tenant_id,
    event_id,
    entity_type,
    entity_id,
    type_event_number,
    {{ explode('fields') }} as field
from {{ ref('int_events') }}
