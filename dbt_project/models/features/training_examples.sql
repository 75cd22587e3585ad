{{ config(materialized='incremental', unique_key='tenant_id') }}
{#- What the models learn from: the features of every moment of every event, with what then happened. -#}
-- noqa: disable=LT02

select
    moments.tenant_id,
    cast(moments.event_id as {{ dbt.type_string() }}) as event_id,
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
    tenants.is_mapped_time,
    {%- for feature in feature_names() if feature != 'is_announced' %}
    features.{{ feature }},
    {%- endfor %}
    features.silent_overlap_score,
    -- drawn for the push: one that announces at a share of .3 announces at .5 too
    {{ unit_hash("'announces/' || moments.tenant_id || '/' || moments.sync_session_id") }} as announce_draw,
    moments.is_conflicted as conflict_occurred,
    moments.day_number
from {{ moments_to_build() }} as moments
inner join {{ of_open_days(ref('conflict_features'), 'tenant_id') }} as features on moments.moment_no = features.moment_no
inner join {{ ref('int_tenants') }} as tenants on moments.tenant_id = tenants.tenant_id
-- a question that somebody asked is no example of an edit
where moments.event_id is not null
