{#- Exact whole microseconds since 1970, so that differences carry no rounding. -#}
{% macro micros(at) %}{{ return(adapter.dispatch('micros', 'foresync')(at)) }}{% endmacro %}

{% macro default__micros(at) %}cast(extract(epoch from {{ at }}) * 1000000 as bigint){% endmacro %}

{% macro duckdb__micros(at) %}epoch_us({{ at }}){% endmacro %}

{% macro spark__micros(at) %}unix_micros({{ at }}){% endmacro %}

{% macro seconds_between(earlier, later) -%}
    (({{ micros(later) }} - {{ micros(earlier) }}) / cast(1000000 as {{ double() }}))
{%- endmacro %}

{% macro plus_seconds(at, seconds) %}{{ return(adapter.dispatch('plus_seconds', 'foresync')(at, seconds)) }}{% endmacro %}

{% macro default__plus_seconds(at, seconds) %}({{ at }} + ({{ seconds }}) * interval '1 second'){% endmacro %}

{% macro duckdb__plus_seconds(at, seconds) %}({{ at }} + to_seconds({{ seconds }})){% endmacro %}

{% macro spark__plus_seconds(at, seconds) %}timestampadd(second, {{ seconds }}, {{ at }}){% endmacro %}

{% macro utc_hour(at) %}{{ return(adapter.dispatch('utc_hour', 'foresync')(at)) }}{% endmacro %}

{% macro default__utc_hour(at) %}date_trunc('hour', {{ at }}){% endmacro %}

{% macro postgres__utc_hour(at) %}date_trunc('hour', {{ at }}, 'UTC'){% endmacro %}

{% macro utc_week(at) %}{{ return(adapter.dispatch('utc_week', 'foresync')(at)) }}{% endmacro %}

{% macro default__utc_week(at) %}date_trunc('week', {{ at }}){% endmacro %}

{% macro postgres__utc_week(at) %}date_trunc('week', {{ at }}, 'UTC'){% endmacro %}

{#- Whole days since 1970, UTC. -#}
{% macro utc_day_number(at) -%}
    cast(floor({{ micros(at) }} / cast(86400000000 as {{ double() }})) as {{ dbt.type_bigint() }})
{%- endmacro %}
