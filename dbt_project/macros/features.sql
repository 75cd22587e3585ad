{#- The features of the contract, in its order: where each of them is treated alike. -#}
{% macro feature_names() -%}
    {{ return(['concurrent_editors', 'hours_since_last_sync', 'user_conflict_rate', 'entity_edit_frequency', 'field_overlap_score']) }}
{%- endmacro %}
