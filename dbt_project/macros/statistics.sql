{#-
  What PostgreSQL's planner has to be told. Models join whole tables; it takes (tenant, type, record) for nearly unique and
  would compare every event of a busy record with every other.
-#}
{% macro plan_for_whole_tables() %}{{ return(adapter.dispatch('plan_for_whole_tables', 'foresync')()) }}{% endmacro %}

{% macro default__plan_for_whole_tables() %}{% endmacro %}

{% macro postgres__plan_for_whole_tables() -%}
    set local enable_nestloop = off; set local enable_mergejoin = off; set local jit = off
{%- endmacro %}

{#- And it knows nothing of a table that was just made, and plans its joins as if it were small. -#}
{% macro analyze(relation) %}{{ return(adapter.dispatch('analyze', 'foresync')(relation)) }}{% endmacro %}

{% macro default__analyze(relation) %}{% endmacro %}

{% macro postgres__analyze(relation) %}{% if not relation.is_view %}analyze {{ relation }}{% endif %}{% endmacro %}
