{#- 64-bit float: dbt's own type_float() is 32 bits wide on DuckDB. -#}
{% macro double() %}{{ return(adapter.dispatch('double', 'foresync')()) }}{% endmacro %}

{% macro default__double() %}double precision{% endmacro %}

{% macro duckdb__double() %}double{% endmacro %}

{% macro spark__double() %}double{% endmacro %}

{% macro timestamptz() %}{{ return(adapter.dispatch('timestamptz', 'foresync')()) }}{% endmacro %}

{% macro default__timestamptz() %}timestamp with time zone{% endmacro %}

{% macro spark__timestamptz() %}timestamp{% endmacro %}

{#- A relation of no rows: of numbers, and of times. -#}
{% macro no_rows(numbers, times=[]) -%}
    select
        {% for name in numbers %}cast(null as {{ dbt.type_bigint() }}) as {{ name }}{{ ', ' if times or not loop.last }}{% endfor %}
        {% for name in times %}cast(null as {{ timestamptz() }}) as {{ name }}{{ ', ' if not loop.last }}{% endfor %}
    where false
{%- endmacro %}

{#- An id: 16 bytes instead of its 36 characters, where the engine knows such a type. -#}
{% macro uuid() %}{{ return(adapter.dispatch('uuid', 'foresync')()) }}{% endmacro %}

{% macro default__uuid() %}uuid{% endmacro %}

{% macro spark__uuid() %}{{ dbt.type_string() }}{% endmacro %}

{#- A JSON object's member as text; null when it is not there. -#}
{% macro json_text(column, key) %}{{ return(adapter.dispatch('json_text', 'foresync')(column, key)) }}{% endmacro %}

{% macro default__json_text(column, key) %}cast({{ column }} as jsonb) ->> '{{ key }}'{% endmacro %}

{% macro duckdb__json_text(column, key) %}json_extract_string({{ column }}, '$.{{ key }}'){% endmacro %}

{% macro spark__json_text(column, key) %}get_json_object({{ column }}, '$.{{ key }}'){% endmacro %}

{#- The number at a path of keys in a JSON document; null when it is not there. -#}
{% macro json_number_at(column, path) %}{{ return(adapter.dispatch('json_number_at', 'foresync')(column, path)) }}{% endmacro %}

{% macro default__json_number_at(column, path) -%}
    cast(cast({{ column }} as jsonb) #>> '{ {{- path | join(',') -}} }' as {{ double() }})
{%- endmacro %}

{% macro duckdb__json_number_at(column, path) -%}
    cast(json_extract_string({{ column }}, '$.{{ path | join('.') }}') as {{ double() }})
{%- endmacro %}

{% macro spark__json_number_at(column, path) -%}
    cast(get_json_object({{ column }}, '$.{{ path | join('.') }}') as {{ double() }})
{%- endmacro %}

{#- The array of texts at a path of keys in a JSON document; null or empty when it is not there. -#}
{% macro json_texts_at(column, path) %}{{ return(adapter.dispatch('json_texts_at', 'foresync')(column, path)) }}{% endmacro %}

{% macro default__json_texts_at(column, path) -%}
    case
        when jsonb_typeof(cast({{ column }} as jsonb) #> '{ {{- path | join(',') -}} }') = 'array'
            then array(select jsonb_array_elements_text(cast({{ column }} as jsonb) #> '{ {{- path | join(',') -}} }'))
    end
{%- endmacro %}

{% macro duckdb__json_texts_at(column, path) -%}
    cast(json_extract({{ column }}, '$.{{ path | join('.') }}') as varchar[])
{%- endmacro %}

{% macro spark__json_texts_at(column, path) -%}
    from_json(get_json_object({{ column }}, '$.{{ path | join('.') }}'), 'array<string>')
{%- endmacro %}

{#- Aggregate: one JSON object, as text, out of a key and a JSON value per row. -#}
{% macro json_object_agg(key, value) %}{{ return(adapter.dispatch('json_object_agg', 'foresync')(key, value)) }}{% endmacro %}

{% macro default__json_object_agg(key, value) %}cast(jsonb_object_agg({{ key }}, {{ value }}) as text){% endmacro %}

{% macro duckdb__json_object_agg(key, value) -%}
    cast(to_json(map_from_entries(list(struct_pack(k := {{ key }}, v := {{ value }}) order by {{ key }}))) as varchar)
{%- endmacro %}

{% macro spark__json_object_agg(key, value) -%}
    to_json(map_from_entries(array_sort(collect_list(struct({{ key }}, {{ value }})))))
{%- endmacro %}

{#- A JSON object out of alternating names and expressions. -#}
{% macro json_object() %}{{ return(adapter.dispatch('json_object', 'foresync')(*varargs)) }}{% endmacro %}

{% macro default__json_object() %}jsonb_build_object({{ varargs | join(', ') }}){% endmacro %}

{% macro duckdb__json_object() %}json_object({{ varargs | join(', ') }}){% endmacro %}

{% macro spark__json_object() %}named_struct({{ varargs | join(', ') }}){% endmacro %}

{#- A JSON array, as text, of those of the given texts that are not null. -#}
{% macro json_texts() %}{{ return(adapter.dispatch('json_texts', 'foresync')(*varargs)) }}{% endmacro %}

{% macro default__json_texts() %}cast(to_jsonb(array_remove(array[{{ varargs | join(', ') }}], null)) as text){% endmacro %}

{% macro duckdb__json_texts() %}cast(to_json(list_filter([{{ varargs | join(', ') }}], lambda x: x is not null)) as varchar){% endmacro %}

{% macro spark__json_texts() %}to_json(filter(array({{ varargs | join(', ') }}), x -> x is not null)){% endmacro %}

{#- A sum of floats that is the same to the last bit however the engine divides the work. -#}
{% macro ordered_sum(value, order_by) %}{{ return(adapter.dispatch('ordered_sum', 'foresync')(value, order_by)) }}{% endmacro %}

{% macro default__ordered_sum(value, order_by) %}sum({{ value }} order by {{ order_by }}){% endmacro %}

{% macro spark__ordered_sum(value, order_by) -%}
    aggregate(
        array_sort(collect_list(struct({{ order_by }} as place, {{ value }} as addend))),
        cast(0 as double), (total, one) -> total + one.addend
    )
{%- endmacro %}
