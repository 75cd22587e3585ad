{#- A select-list expression that makes one row per element of an array of texts. -#}
{% macro explode(array) %}{{ return(adapter.dispatch('explode', 'foresync')(array)) }}{% endmacro %}

{% macro default__explode(array) %}unnest({{ array }}){% endmacro %}

{% macro spark__explode(array) %}explode({{ array }}){% endmacro %}

{#- Elements of an array; 0 for null. -#}
{% macro array_size(array) %}{{ return(adapter.dispatch('array_size', 'foresync')(array)) }}{% endmacro %}

{% macro default__array_size(array) %}coalesce(cardinality({{ array }}), 0){% endmacro %}

{% macro duckdb__array_size(array) %}coalesce(len({{ array }}), 0){% endmacro %}

{% macro spark__array_size(array) %}coalesce(size({{ array }}), 0){% endmacro %}

{#- A select-list expression that makes one row per whole number from the first to the last. -#}
{% macro explode_range(first, last) %}{{ return(adapter.dispatch('explode_range', 'foresync')(first, last)) }}{% endmacro %}

{% macro default__explode_range(first, last) %}generate_series({{ first }}, {{ last }}){% endmacro %}

{% macro duckdb__explode_range(first, last) %}unnest(range({{ first }}, {{ last }} + 1)){% endmacro %}

{% macro spark__explode_range(first, last) %}explode(sequence({{ first }}, {{ last }})){% endmacro %}
