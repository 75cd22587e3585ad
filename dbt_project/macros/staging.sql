{#- Changes, of a relation with the columns of sync_log. -#}
{% macro changes_of(relation) -%}
    select
        tenant_id,
        cast(id as {{ uuid() }}) as event_id,
        seq,
        cast(sync_id as {{ uuid() }}) as sync_id,
        sync_session_id,
        user_id,
        device_id,
        entity_type,
        entity_id,
        project_id,
        offline_id,
        operation,
        base_version,
        server_version,
        new_version,
        outcome,
        is_conflicted,
        fields,
        edited_at,
        received_at,
        network_type,
        cast(edit_id as {{ uuid() }}) as edit_id,
        cast(prediction_id as {{ dbt.type_string() }}) as prediction_id
    from {{ relation }} as rows_of_source
{%- endmacro %}

{#- Presence, of a relation with the columns of edit_session_event. -#}
{% macro edit_events_of(relation) -%}
    select
        tenant_id,
        cast(id as {{ uuid() }}) as edit_event_id,
        cast(edit_id as {{ uuid() }}) as edit_id,
        seq,
        event,
        user_id,
        device_id,
        entity_type,
        entity_id,
        base_version,
        fields,
        received_at,
        expires_at
    from {{ relation }} as rows_of_source
{%- endmacro %}

{#- Answers, of a relation with the columns of prediction_log. -#}
{% macro predictions_of(relation) -%}
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
        cast(event_id as {{ uuid() }}) as event_id,
        event_received_at,
        cast(edit_id as {{ uuid() }}) as edit_id,
        {{ json_texts_at('features_json', ['request', 'fields']) }} as announced_fields,
        cast({{ json_number_at('features_json', ['request', 'client_version']) }} as {{ dbt.type_int() }}) as announced_base_version,
        {{ json_number_at('features_json', ['request', 'edit_age_seconds']) }} as edit_age_seconds,
        coalesce({{ json_text('features_json', 'is_hidden') }} = 'true', false) as is_hidden,
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
    from {{ relation }} as rows_of_source
{%- endmacro %}
