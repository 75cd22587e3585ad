{#- The features of the contract, in its order: where each of them is treated alike. -#}
{% macro feature_names() -%}
    {{ return(first_features() + later_features() + newest_features()) }}
{%- endmacro %}

{#- What every answer was given on, what those of later contracts were, and what only those of the present one. -#}
{% macro first_features() -%}
    {{ return(['concurrent_editors', 'hours_since_last_sync', 'user_conflict_rate', 'entity_edit_frequency', 'field_overlap_score']) }}
{%- endmacro %}

{% macro later_features() -%}
    {{ return([
        'is_announced', 'versions_behind', 'fields_behind', 'fields_behind_share', 'hours_behind',
        'open_edits', 'open_edits_same_user', 'open_overlap_recent', 'open_fields_shared', 'open_same_base',
    ]) }}
{%- endmacro %}

{% macro newest_features() -%}
    {{ return([
        'record_conflicts_180d', 'record_events_90d', 'type_conflict_rate', 'tenant_conflict_share',
        'user_push_conflict_rate', 'user_open_log_seconds', 'edit_age_hours', 'records_open',
    ]) }}
{%- endmacro %}
