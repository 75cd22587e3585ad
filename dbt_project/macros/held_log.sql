{#-
  Rows of a table of the log, as far as it is held, with their number, their day, and when they became visible: these
  columns of the staging model. On open days, what is already there and what came.
-#}
{% macro held_rows(staging, columns) -%}
    {%- set since -%}
        (
            select
                tenants.tenant_id,
                min(log.row_no) - max(tenants.tenant_no) * {{ seqs_of_a_tenant() }} as seq
            from {{ of_open_days(ref('int_log'), 'row_no') }} as log
            inner join {{ ref('int_tenants') }} as tenants on {{ shift_right('log.row_no', 40) }} = tenants.tenant_no
            group by tenants.tenant_id
        )
    {%- endset -%}

with found as (

    select
        {{ row_number_in('tenants.tenant_no', 'given.seq') }} as row_no,
        {% for column in columns %}given.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ possibly_new(staging, since) }} as given
    inner join {{ ref('int_tenants') }} as tenants on given.tenant_id = tenants.tenant_id
    where given.seq <= tenants.held_to_seq

),

met as (

    select * from found
    {% if is_day_build() %}
    union all
    select
        held.row_no,
        {% for column in columns %}held.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ of_open_days(this, 'row_no') }} as held
    left join found on held.row_no = found.row_no
    where found.row_no is null
    {% endif %}

)

{% if is_day_build() %}
select
    met.*,
    log.visible_at,
    log.day_number
from met
inner join {{ of_open_days(ref('int_log'), 'row_no') }} as log on met.row_no = log.row_no
{% else %}
-- most become visible when they are received: only those that do not are looked up
select
    *,
    {{ utc_day_number('visible_at') }} as day_number
from (
    select
        met.*,
        coalesce(later.visible_at, met.received_at) as visible_at
    from met
    left join (
        select
            row_no,
            visible_at
        from {{ ref('int_log') }}
        where visible_at > received_at
    ) as later on met.row_no = later.row_no
) as seen
{% endif %}
{%- endmacro %}
