{#- No value is negative, infinite or not a number. -#}
{% test at_least_zero(model, column_name) %}

select {{ column_name }}
from {{ model }}
where not ({{ column_name }} >= 0 and {{ column_name }} < 1e300)

{% endtest %}
