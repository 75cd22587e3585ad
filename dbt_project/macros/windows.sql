{#-
  "Everything up to here": the frame of every running figure. Moments are laid into the same order as events, so
  that one pass over the sorted rows answers for all of them, however long the history.
-#}
{% macro up_to_here(partition_by, order_by) -%}
    (partition by {{ partition_by | join(', ') }} order by {{ order_by | join(', ') }} rows between unbounded preceding and current row)
{%- endmacro %}

{#- The other half of it: read backwards, because PostgreSQL starts anew at every row of a frame whose beginning moves. -#}
{% macro from_here_on(partition_by, order_by) -%}
    (partition by {{ partition_by | join(', ') }} order by {{ order_by | join(' desc, ') }} desc rows between unbounded preceding and current row)
{%- endmacro %}

{#-
  Running figures over a named window, from its first row on. DuckDB takes a third of the time for sums of doubles, exact to 2^53, and for
  the value at the greatest value, where a key has few rows.
-#}
{% macro running_sum(value, window) -%}
    cast({{ adapter.dispatch('sum_of_whole', 'foresync')(value) }} over {{ window }} as {{ dbt.type_bigint() }})
{%- endmacro %}

{% macro default__sum_of_whole(value) %}sum({{ value }}){% endmacro %}

{% macro duckdb__sum_of_whole(value) %}sum(cast({{ value }} as double)){% endmacro %}

{#- The same of what is not below zero and passes 2^53: in DuckDB its two halves, each exact to 2^34 rows. -#}
{% macro running_long_sum(value, window) %}{{ return(adapter.dispatch('running_long_sum', 'foresync')(value, window)) }}{% endmacro %}

{% macro default__running_long_sum(value, window) %}{{ running_sum(value, window) }}{% endmacro %}

{% macro duckdb__running_long_sum(value, window) -%}
    {{ running_sum(shift_right(value, 18), window) }} * {{ 2 ** 18 }} + {{ running_sum('(' ~ value ~ ' & ' ~ (2 ** 18 - 1) ~ ')', window) }}
{%- endmacro %}

{% macro running_max(value, window) %}{{ adapter.dispatch('greatest_of', 'foresync')(value) }} over {{ window }}{% endmacro %}

{% macro default__greatest_of(value) %}max({{ value }}){% endmacro %}

{% macro duckdb__greatest_of(value) %}arg_max({{ value }}, {{ value }}){% endmacro %}

{% macro running_min(value, window) %}{{ adapter.dispatch('least_of', 'foresync')(value) }} over {{ window }}{% endmacro %}

{% macro default__least_of(value) %}min({{ value }}){% endmacro %}

{% macro duckdb__least_of(value) %}arg_min({{ value }}, {{ value }}){% endmacro %}

{#- Whether it is the last row of its keys on its day: of rows that are laid into days in this order. -#}
{% macro ends_a_day(partition_by, order_by) -%}
    coalesce(lead(day_number) over (partition by {{ partition_by | join(', ') }} order by {{ order_by | join(', ') }}) > day_number, true)
{%- endmacro %}
