{{ config(materialized='view') }}
{#- The moments at which features are wanted, with all that their events and questions say. -#}

select
    events.tenant_id,
    events.event_id || case when moments.moment_no % 2 = 0 then '/edit_start' else '/edit_open' end as moment_id,
    case when moments.moment_no % 2 = 0 then 'edit_start' else 'edit_open' end as moment,
    moments.asked_at,
    moments.as_of_seq,
    events.event_id,
    moments.prediction_id,
    events.received_at,
    events.sync_session_id,
    events.user_id,
    events.device_id,
    events.entity_type,
    events.entity_id,
    events.edit_id,
    said.fields as announced_fields,
    said.base_version as announced_base_version,
    moments.is_announced,
    events.is_conflicted,
    moments.moment_no,
    moments.as_of_no,
    moments.type_no,
    moments.record_no,
    moments.user_no
from {{ ref('int_moment_numbers') }} as moments
inner join {{ ref('int_events') }} as events on moments.event_no = events.event_no
left join {{ ref('stg_sync__edit_events') }} as said
    on
        moments.tenant_id = said.tenant_id
        and moments.announced_seq = said.seq
union all
select
    moments.tenant_id,
    moments.prediction_id || '/asked',
    'asked',
    moments.asked_at,
    moments.as_of_seq,
    null,
    moments.prediction_id,
    null,
    null,
    predictions.user_id,
    predictions.device_id,
    predictions.entity_type,
    predictions.entity_id,
    predictions.edit_id,
    predictions.announced_fields,
    predictions.announced_base_version,
    moments.is_announced,
    null,
    moments.moment_no,
    moments.as_of_no,
    moments.type_no,
    moments.record_no,
    moments.user_no
from {{ ref('int_moment_numbers') }} as moments
inner join {{ ref('stg_sync__predictions') }} as predictions
    on
        moments.tenant_id = predictions.tenant_id
        and moments.prediction_id = predictions.prediction_id
