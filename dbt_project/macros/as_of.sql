{#-
  Rows, each with the newest of the events of its keys that stands at or before its position (`strictly`: before it);
  nulls where there is none. `rows` and `events` are names of relations; `columns` are those of the rows, `values` those of the events
  that are wanted; `position` is a column of the rows, `place` one of the events, unique among the events
  of the same keys.
-#}
{% macro as_of(rows, columns, position, events, values, place, keys, strictly=false) -%}
    {{ return(adapter.dispatch('as_of', 'foresync')(rows, columns, position, events, values, place, keys, strictly)) }}
{%- endmacro %}

{% macro duckdb__as_of(rows, columns, position, events, values, place, keys, strictly) -%}
    select
        {% for column in columns %}looking.{{ column }}, {% endfor %}
        {% for value in values %}found.{{ value }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ rows }} as looking
    asof left join {{ events }} as found
        on
            {% for key in keys %}looking.{{ key }} = found.{{ key }} and {% endfor %}
            looking.{{ position }} {{ '>' if strictly else '>=' }} found.{{ place }}
{%- endmacro %}

{#- Both are laid into one order, where the newest event is the greatest place so far; then it is looked up. -#}
{% macro default__as_of(rows, columns, position, events, values, place, keys, strictly) -%}
    {%- set carried = (columns + keys) | unique | list -%}
    select
        {% for column in columns %}looking.{{ column }}, {% endfor %}
        {% for value in values %}found.{{ value }}{{ ', ' if not loop.last }}{% endfor %}
    from (
        select
            laid.*,
            max(laid.found_place) over {{ up_to_here(keys, ['position', 'is_looking desc' if strictly else 'is_looking']) }} as newest_place
        from (
            select
                {% for column in carried %}{{ column }}, {% endfor %}
                {{ position }} as position,
                1 as is_looking,
                null as found_place
            from {{ rows }}
            union all
            select
                {% for column in carried %}{{ column if column in keys else 'null' }}, {% endfor %}
                {{ place }},
                0,
                {{ place }}
            from {{ events }}
        ) as laid
    ) as looking
    left join {{ events }} as found
        on
            {% for key in keys %}looking.{{ key }} = found.{{ key }} and {% endfor %}
            looking.newest_place = found.{{ place }}
    where looking.is_looking = 1
{%- endmacro %}
