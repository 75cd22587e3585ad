{#-
  Per moment and field: q, the share of others' last events on the record that touch it, and p, how likely this edit
  touches it. Only fields with q > 0 have a row: the others add nothing.
-#}

{% set last = var('overlap_type_events') %}

with touched as (

    select
        others.tenant_id,
        others.moment_id,
        fields.field,
        count(*) / cast(max(others.window_size) as {{ double() }}) as q
    from {{ ref('int_moment_others') }} as others
    inner join {{ ref('int_event_fields') }} as fields
        on others.tenant_id = fields.tenant_id and others.other_event_id = fields.event_id
    group by others.tenant_id, others.moment_id, fields.field

),

announced as (

    select distinct
        tenant_id,
        moment_id,
        {{ explode('announced_fields') }} as field
    from {{ ref('int_moments') }}
    where is_announced

),

by_announcement as (

    select
        touched.*,
        cast(1 as {{ double() }}) as p
    from touched
    inner join announced
        on
            touched.tenant_id = announced.tenant_id
            and touched.moment_id = announced.moment_id
            and touched.field = announced.field

),

unannounced as (

    select
        touched.*,
        moments.entity_type,
        history.type_events
    from touched
    inner join {{ ref('int_moments') }} as moments
        on
            touched.tenant_id = moments.tenant_id
            and touched.moment_id = moments.moment_id
    inner join {{ ref('int_moment_history') }} as history
        on
            touched.tenant_id = history.tenant_id
            and touched.moment_id = history.moment_id
    where not moments.is_announced

),

-- how often the type's events had touched the field by the last event, less how often by the one before the window
timeline as (

    select
        tenant_id,
        entity_type,
        field,
        type_event_number as position,
        0 as is_lookup,
        1 as touches,
        0 as sign,
        cast(null as {{ dbt.type_string() }}) as moment_id
    from {{ ref('int_event_fields') }}
    union all
    select
        tenant_id,
        entity_type,
        field,
        type_events,
        1,
        0,
        1,
        moment_id
    from unannounced
    union all
    select
        tenant_id,
        entity_type,
        field,
        type_events - {{ last }},
        1,
        0,
        -1,
        moment_id
    from unannounced

),

running as (

    select
        tenant_id,
        moment_id,
        field,
        is_lookup,
        sign * sum(touches) over {{ up_to_here(
            ['tenant_id', 'entity_type', 'field'], ['position', 'is_lookup']
        ) }} as touches
    from timeline

),

type_touches as (

    select
        tenant_id,
        moment_id,
        field,
        sum(touches) as touches
    from running
    where is_lookup = 1
    group by tenant_id, moment_id, field

),

by_type as (

    select
        unannounced.tenant_id,
        unannounced.moment_id,
        unannounced.field,
        unannounced.q,
        type_touches.touches
        / cast(case when unannounced.type_events < {{ last }} then unannounced.type_events else {{ last }} end as {{ double() }}) as p
    from unannounced
    inner join type_touches
        on
            unannounced.tenant_id = type_touches.tenant_id
            and unannounced.moment_id = type_touches.moment_id
            and unannounced.field = type_touches.field

)

select
    tenant_id,
    moment_id,
    field,
    q,
    p
from by_announcement
union all
select
    tenant_id,
    moment_id,
    field,
    q,
    p
from by_type
where p > 0
