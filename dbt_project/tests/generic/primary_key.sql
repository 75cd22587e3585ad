{#- No two rows share these columns, and none of them is ever missing. One pass for the whole key. -#}
{% test primary_key(model, columns) %}

select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}

{% endtest %}
