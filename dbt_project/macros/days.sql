{#- The tenant of a row, by its number: of a moment, or of anything that is called by a row of the log. -#}
{% macro tenant_of(key) -%}
    {%- set name = key.split('.') | last -%}
    {{ shift_right('abs(' ~ key ~ ')', 41) if name == 'moment_no' else key if name in ('tenant_no', 'tenant_id') else shift_right(key, 40) }}
{%- endmacro %}

{#- The rows of the open days; in a whole build, all. `key` is one of the relation's columns that tells the tenant. -#}
{% macro of_open_days(relation, key) -%}
    {%- set days = ref('int_open_days') -%}
    {%- if is_day_build() -%}
        (
            select kept.*
            from {{ relation }} as kept
            inner join {{ days }} as open_days
                on
                    kept.day_number = open_days.day_number
                    and {{ tenant_of('kept.' ~ key) }} = open_days.{{ 'tenant_id' if key == 'tenant_id' else 'tenant_no' }}
        )
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}

{#- What an earlier run wrote into a table for days that stay as they are. -#}
{% macro of_closed_days(relation, key) -%}
    {%- set days = ref('int_open_days') -%}
    (
        select kept.*
        from {{ relation }} as kept
        left join {{ days }} as open_days
            on
                kept.day_number = open_days.day_number
                and {{ tenant_of('kept.' ~ key) }} = open_days.{{ 'tenant_id' if key == 'tenant_id' else 'tenant_no' }}
        where open_days.day_number is null
    )
{%- endmacro %}

{#-
  Only the rows of a long table that somebody looks up; in a whole build, all: there everybody looks up everything.
  `wanted` is a relation with these columns, each combination once.
-#}
{% macro looked_up(relation, wanted, columns) -%}
    {%- if is_day_build() -%}
        (
            select kept.*
            from {{ relation }} as kept
            inner join {{ wanted }} as wanted
                on
                    {% for column in columns %}kept.{{ column }} = wanted.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
        )
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}

{#- The tenants that have open days, and the row of the log that those begin with. -#}
{% macro open_from() -%}
    (select tenant_no, min(first_no) as first_no from {{ of_open_days(ref('int_days'), 'tenant_no') }} as days group by tenant_no)
{%- endmacro %}

{#-
  Of a table keyed by event_no, the last row of each key before its tenant's bound: `asked` is a relation with these keys, the
  first of which tells the tenant, `bounds` one of tenant_no and first_no.
-#}
{% macro last_before(relation, keys, asked, bounds) -%}
    (
        select kept.*
        from {{ relation }} as kept
        inner join (
            select max(held.event_no) as event_no
            from {{ relation }} as held
            inner join (
                select distinct
                    {% for key in keys %}known.{{ key }}, {% endfor %}
                    bounds.first_no
                from {{ asked }} as known
                inner join {{ bounds }} as bounds on {{ tenant_of('known.' ~ keys[0]) }} = bounds.tenant_no
            ) as asked
                on
                    {% for key in keys %}held.{{ key }} = asked.{{ key }} and {% endfor %}
                    held.event_no < asked.first_no
            group by {% for key in keys %}held.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
        ) as newest on kept.event_no = newest.event_no
    )
{%- endmacro %}

{#-
  Of a table keyed by event_no, the rows that moments of the open days look back at: those of the days that any looks at, and the last
  one before those of each key that is asked for, of a table that has the last ones of each day. In a whole build, all.
-#}
{% macro in_reach(relation, columns, lasts=none, keys=none, asked=none) -%}
    {%- set reach = ref('int_reach') -%}
    {%- if is_day_build() -%}
        (
            select {% for column in columns %}kept.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            from {{ relation }} as kept
            inner join {{ reach }} as reach
                on
                    kept.day_number = reach.day_number
                    and {{ tenant_of('kept.event_no') }} = reach.tenant_no
            {%- if lasts %}
            union all
            select {{ columns | join(', ') }} from {{ last_before(
                lasts, keys, asked, '(select tenant_no, min(first_no) as first_no from ' ~ reach ~ ' group by tenant_no)'
            ) }} as lasts
            {%- endif %}
        )
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}

{#- The open days are deleted, and rows that the model gives again; then what it gives is inserted. -#}
{% macro get_incremental_open_days_sql(arg_dict) -%}
    {%- set kept, given = arg_dict['target_relation'], arg_dict['temp_relation'] -%}
    {%- set key = arg_dict['unique_key'] if arg_dict['unique_key'] is string else arg_dict['unique_key'][0] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ kept }} as kept
    using {{ ref('int_open_days') }} as open_days
    where
        kept.day_number = open_days.day_number
        and {{ tenant_of('kept.' ~ key) }} = open_days.{{ 'tenant_id' if key == 'tenant_id' else 'tenant_no' }};
    {%- if arg_dict['incremental_predicates'] %}
    delete from {{ kept }} as kept using {{ given }} as given where {{ arg_dict['incremental_predicates'] | join(' and ') }};
    {%- endif %}
    insert into {{ kept }} ({{ columns }}) select {{ columns }} from {{ given }}
{%- endmacro %}

{#- A tenant's day as one number: there is room for any day of the calendar. -#}
{% macro day_of_tenant(tenant_no, day_number) %}(({{ tenant_no }}) * {{ 2 ** 24 }} + {{ day_number }}){% endmacro %}
