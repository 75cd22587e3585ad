{#- A select-list expression that makes one row per element of an array of texts. -#}
{% macro explode(array) %}{{ return(adapter.dispatch('explode', 'foresync')(array)) }}{% endmacro %}

{% macro default__explode(array) %}unnest({{ array }}){% endmacro %}

{% macro spark__explode(array) %}explode({{ array }}){% endmacro %}

{#- Elements of an array; 0 for null. -#}
{% macro array_size(array) %}{{ return(adapter.dispatch('array_size', 'foresync')(array)) }}{% endmacro %}

{% macro default__array_size(array) %}coalesce(cardinality({{ array }}), 0){% endmacro %}

{% macro duckdb__array_size(array) %}coalesce(len({{ array }}), 0){% endmacro %}

{% macro spark__array_size(array) %}coalesce(size({{ array }}), 0){% endmacro %}
