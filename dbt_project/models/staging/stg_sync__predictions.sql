select
    tenant_id,
    cast(prediction_id as {{ dbt.type_string() }}) as prediction_id,
    model_type,
    model_version,
    user_id,
    device_id,
    entity_type,
    entity_id,
    moment,
    asked_at,
    as_of_seq,
    cast(event_id as {{ dbt.type_string() }}) as event_id,
    event_received_at,
    cast(edit_id as {{ dbt.type_string() }}) as edit_id,
    {{ json_texts_at('features_json', ['request', 'fields']) }} as announced_fields,
    cast({{ json_number_at('features_json', ['request', 'client_version']) }} as {{ dbt.type_int() }}) as announced_base_version,
    {{ json_number_at('features_json', ['request', 'edit_age_seconds']) }} as edit_age_seconds,
    {%- for feature in feature_names() %}
        {{ json_number_at('features_json', ['features', feature]) }} as {{ feature }},
    {%- endfor %}
    conflict_probability,
    threshold,
    predicted_conflict,
    arm,
    latency_ms,
    outcome,
    outcome_at
from {{ source('sync', 'prediction_log') }}
