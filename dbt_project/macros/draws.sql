{#- A number in [0, 1) that depends on the text alone: the first 32 bits of its MD5. -#}
{% macro unit_hash(text) %}{{ return(adapter.dispatch('unit_hash', 'foresync')(text)) }}{% endmacro %}

{% macro default__unit_hash(text) -%}
    (cast(cast(('x' || substr(md5({{ text }}), 1, 8)) as bit(32)) as bigint) & 4294967295) / cast(4294967296 as {{ double() }})
{%- endmacro %}

{% macro duckdb__unit_hash(text) -%}
    (cast('0x' || substr(md5({{ text }}), 1, 8) as bigint) / cast(4294967296 as {{ double() }}))
{%- endmacro %}

{% macro spark__unit_hash(text) -%}
    (cast(conv(substr(md5({{ text }}), 1, 8), 16, 10) as bigint) / cast(4294967296 as {{ double() }}))
{%- endmacro %}

{#- Whole seconds, log-uniform between the two bounds of the project's variables, from the name alone. -#}
{% macro edit_open_delay(name) -%}
    cast(floor(
        {{ var('edit_open_min_seconds') }}
        * exp({{ unit_hash(name) }} * ln({{ var('edit_open_max_seconds') }} / cast({{ var('edit_open_min_seconds') }} as {{ double() }})))
    ) as {{ dbt.type_bigint() }})
{%- endmacro %}
