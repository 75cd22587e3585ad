{#-
  A model lives in the schema that its folder names. A DuckDB file is ours alone; elsewhere others have schemas too, and
  ours carry the target's name before them.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ return(adapter.dispatch('schema_of_folder', 'foresync')(custom_schema_name | trim if custom_schema_name else none)) }}
{%- endmacro %}

{% macro default__schema_of_folder(folder) %}{{ return(target.schema ~ '_' ~ folder if folder else target.schema) }}{% endmacro %}

{% macro duckdb__schema_of_folder(folder) %}{{ return(folder or target.schema) }}{% endmacro %}
