{{ config(
    materialized='incremental', unique_key='from_no',
    incremental_predicates=['kept.from_no = given.from_no'],
) }}
{#-
  What each presence event says holds from its place in the log until the next event of the same edit, and not past
  expires_at. A word on an open day ends the one before it, whenever that was said.
-#}

with speaking as (

    select distinct
        tenant_id,
        edit_id
    from {{ of_open_days(ref('int_edit_events'), 'row_no') }} as edit_events

),

ordered as (

    select
        *,
        lead(row_no) over (partition by tenant_id, edit_id order by row_no) as next_no,
        lead(visible_at) over (partition by tenant_id, edit_id order by row_no) as next_visible_at,
        first_value(received_at) over (partition by tenant_id, edit_id order by row_no) as opened_at
    from {{ looked_up(ref('int_edit_events'), 'speaking', ['tenant_id', 'edit_id']) }} as edit_events

)

select
    ordered.tenant_id,
    ordered.edit_event_id,
    ordered.edit_id,
    records.record_no,
    users.user_no,
    ordered.user_id,
    ordered.device_id,
    ordered.base_version,
    ordered.fields,
    ordered.opened_at,
    ordered.row_no as from_no,
    -- exclusive; behind the tenant's last row there is nothing
    coalesce(ordered.next_no, {{ row_number_in(shift_right('ordered.row_no', 40) ~ ' + 1', '0') }} - 1) as to_no,
    ordered.visible_at as from_at,
    ordered.next_visible_at as to_at,
    ordered.expires_at,
    ordered.day_number
from ordered
inner join {{ ref('int_records') }} as records
    on
        ordered.tenant_id = records.tenant_id
        and ordered.entity_type = records.entity_type
        and ordered.entity_id = records.entity_id
inner join {{ ref('int_users') }} as users
    on
        ordered.tenant_id = users.tenant_id
        and ordered.user_id = users.user_id
where ordered.event <> 'closed'
