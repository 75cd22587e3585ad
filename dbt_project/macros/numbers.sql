{#-
  Keys as whole numbers, which sort, join and lie in memory at a fraction of what texts cost. A row of a tenant's log is
  its tenant's number and its seq in one: unique over tenants, and within a tenant in the order of its clock. A record,
  a user or a type is called by the first row that names it, so a number once given never changes.
-#}
{% macro row_number_in(tenant_no, seq) -%}
    (({{ tenant_no }}) * {{ seqs_of_a_tenant() }} + {{ seq }})
{%- endmacro %}

{#- more than any clock will count -#}
{% macro seqs_of_a_tenant() %}{{ return(1099511627776) }}{% endmacro %}

{#- The seq of a row of the log. -#}
{% macro seq_of(row_no) %}({{ row_no }} & {{ seqs_of_a_tenant() - 1 }}){% endmacro %}

{#- The event whose edit a moment is one of; of a question, none: a number that no row has. -#}
{% macro event_of(moment_no) %}{{ return(shift_right(moment_no, 1)) }}{% endmacro %}

{#- Changes that took part in the life of a record. -#}
{% macro is_event(outcome) %}{{ outcome }} in ('applied', 'merged', 'conflict'){% endmacro %}

{#-
  Names that stand together in a row of the log, once each, with the first such row as their number: of the open days; in a
  whole build, of all.
-#}
{% macro first_named(names, number) -%}
    select
        {{ names | join(', ') }},
        min(row_no) as {{ number }}
    from (
        select
            {{ names | join(', ') }},
            row_no
        from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
        union all
        select
            {{ names | join(', ') }},
            row_no
        from {{ of_open_days(ref('int_edit_events'), 'row_no') }} as edit_events
    ) as log
    group by {{ names | join(', ') }}
{%- endmacro %}

{#- Every entity type with its number: the least of those that its records have of it. -#}
{% macro entity_types() -%}
    select
        tenant_id,
        entity_type,
        min(type_no) as type_no
    from {{ ref('int_records') }}
    group by tenant_id, entity_type
{%- endmacro %}
