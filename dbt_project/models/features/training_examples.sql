{#- What the models learn from: the features of every moment of every event, with what then happened. -#}

with mapped_tenants as (

    select distinct tenant_id
    from {{ ref('stg_sync__replay_anchors') }}
    where is_mapped_time

)

select
    moments.tenant_id,
    moments.event_id,
    moments.sync_session_id,
    moments.user_id,
    moments.device_id,
    moments.entity_type,
    moments.entity_id,
    moments.moment,
    moments.asked_at,
    moments.as_of_seq,
    moments.received_at,
    moments.is_announced,
    mapped_tenants.tenant_id is not null as is_mapped_time,
    features.concurrent_editors,
    features.hours_since_last_sync,
    features.user_conflict_rate,
    features.entity_edit_frequency,
    features.field_overlap_score,
    moments.is_conflicted as conflict_occurred
from {{ ref('int_moments') }} as moments
inner join {{ ref('conflict_features') }} as features
    on
        moments.tenant_id = features.tenant_id
        and moments.moment_id = features.moment_id
left join mapped_tenants
    on moments.tenant_id = mapped_tenants.tenant_id
-- a question that somebody asked is no example of an edit
where moments.event_id is not null
