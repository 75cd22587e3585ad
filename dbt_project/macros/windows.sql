{#-
  "Everything up to here": the frame of every running figure. Moments are laid into the same order as events, so
  that one pass over the sorted rows answers for all of them, however long the history.
-#}
{% macro up_to_here(partition_by, order_by) -%}
    (partition by {{ partition_by | join(', ') }} order by {{ order_by | join(', ') }} rows between unbounded preceding and current row)
{%- endmacro %}

{#- Whether it is the last row of its keys on its day: of rows that are laid into days in this order. -#}
{% macro ends_a_day(partition_by, order_by) -%}
    coalesce(lead(day_number) over (partition by {{ partition_by | join(', ') }} order by {{ order_by | join(', ') }}) > day_number, true)
{%- endmacro %}

{#- The other half of it: read backwards, because PostgreSQL starts anew at every row of a frame whose beginning moves. -#}
{% macro from_here_on(partition_by, order_by) -%}
    (partition by {{ partition_by | join(', ') }} order by {{ order_by | join(' desc, ') }} desc rows between unbounded preceding and current row)
{%- endmacro %}
