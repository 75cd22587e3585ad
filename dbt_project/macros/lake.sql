{#-
  What is not a table everywhere. The lake's own note of how far it reaches: where the warehouse reads the operational
  tables themselves, it reaches as far as the clock, and nothing is missing.
-#}
{% macro coverage() %}{{ return(adapter.dispatch('coverage', 'foresync')()) }}{% endmacro %}

{% macro default__coverage() -%}
    select tenant_id, held_to_seq, missing_from_seq from {{ source('sync', 'lake_coverage') }}
{%- endmacro %}

{% macro postgres__coverage() -%}
    select
        tenant.tenant_id,
        coalesce(clock.seq, 0) as held_to_seq,
        cast(null as bigint) as missing_from_seq
    from {{ source('sync', 'tenant') }} as tenant
    left join {{ source('sync', 'tenant_clock') }} as clock on tenant.tenant_id = clock.tenant_id
{%- endmacro %}

{#- Where a source's rows are: a table of its name; for an engine that reads the lake by itself, the files. -#}
{% macro source() -%}
    {%- set relation = builtins.source(*varargs, **kwargs) -%}
    {{ return(adapter.dispatch('rows_of', 'foresync')(relation)) }}
{%- endmacro %}

{% macro default__rows_of(relation) %}{{ return(relation) }}{% endmacro %}

{#- below `raw/<table>` lie days, or the one file -#}
{% macro spark__rows_of(relation) -%}
    {{ return('parquet.`' ~ env_var('FORESYNC_LAKE_URL', 'file:///nowhere') ~ '/raw/' ~ relation.identifier ~ '`') }}
{%- endmacro %}
