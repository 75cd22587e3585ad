{#-
  Contracts are written once, in the words `text`, `bigint`, `double`, `boolean` and `timestamptz`; what an engine calls
  them is said here. These two macros of dbt's own are where it reads a contract's types.
-#}
{% macro get_empty_schema_sql(columns) -%}
    {{ return(adapter.dispatch('get_empty_schema_sql', 'dbt')(in_words_of_the_engine(columns))) }}
{%- endmacro %}

{% macro table_columns_and_constraints() -%}
    {%- set columns = adapter.render_raw_columns_constraints(raw_columns=in_words_of_the_engine(model['columns'])) -%}
    ({{ columns | join(', ') }})
{%- endmacro %}

{% macro in_words_of_the_engine(columns) -%}
    {%- set said = {} -%}
    {%- for name, column in columns.items() -%}
        {%- set same = dict(column) -%}
        {%- do same.update(data_type=contract_types().get(column['data_type'], column['data_type'])) -%}
        {%- do said.update({name: same}) -%}
    {%- endfor -%}
    {{ return(said) }}
{%- endmacro %}

{% macro contract_types() -%}
    {{ return({
        'text': dbt.type_string(),
        'bigint': dbt.type_bigint(),
        'double': double() | trim,
        'boolean': dbt.type_boolean(),
        'timestamptz': timestamptz() | trim,
    }) }}
{%- endmacro %}
