{{ config(materialized='view') }}
{#- Events: changes that took part in the life of a record, with their places in the orders that features count in. -#}

select
    changes.tenant_id,
    changes.event_id,
    changes.seq,
    changes.received_at,
    changes.edited_at,
    changes.user_id,
    changes.device_id,
    changes.sync_id,
    changes.sync_session_id,
    changes.entity_type,
    changes.entity_id,
    changes.edit_id,
    changes.operation,
    changes.new_version,
    changes.fields,
    changes.is_conflicted,
    numbers.event_no,
    numbers.type_no,
    numbers.record_no,
    numbers.user_no,
    record_events.record_event_number,
    type_events.type_event_number,
    -- other users' events on the record before this one
    record_events.record_event_number - record_events.own_event_number as others_before
from {{ ref('int_changes') }} as changes
inner join {{ ref('int_event_numbers') }} as numbers on changes.row_no = numbers.event_no
inner join {{ ref('int_record_events') }} as record_events on numbers.event_no = record_events.event_no
inner join {{ ref('int_type_events') }} as type_events on numbers.event_no = type_events.event_no
