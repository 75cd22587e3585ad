{#- What the models learn from: the features of every moment of every event, with what then happened. -#}
-- noqa: disable=LT02

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
    features.is_announced = 1 as is_announced,
    mapped_tenants.tenant_id is not null as is_mapped_time,
    {%- for feature in feature_names() if feature != 'is_announced' %}
    features.{{ feature }},
    {%- endfor %}
    features.silent_overlap_score,
    -- drawn for the push: one that announces at a share of .3 announces at .5 too
    {{ unit_hash("'announces/' || moments.tenant_id || '/' || moments.sync_session_id") }} as announce_draw,
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
