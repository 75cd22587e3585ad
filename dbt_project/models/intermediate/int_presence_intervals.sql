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
        row_no,
        event,
        lead(row_no) over in_edit as next_no,
        lead(visible_at) over in_edit as next_visible_at,
        first_value(received_at) over in_edit as opened_at
    from {{ looked_up(ref('int_edit_events'), 'speaking', ['tenant_id', 'edit_id']) }} as edit_events
    window in_edit as (partition by tenant_id, edit_id order by row_no)

),

held as (

    select * from ordered
    where event <> 'closed'

)

select
    held.row_no as from_no,
    -- exclusive; behind the tenant's last row there is nothing
    coalesce(held.next_no, {{ row_number_in(shift_right('held.row_no', 40) ~ ' + 1', '0') }} - 1) as to_no,
    records.record_no,
    users.user_no,
    record_users.record_user_no,
    words.visible_at as from_at,
    held.next_visible_at as to_at,
    words.expires_at,
    held.opened_at,
    words.day_number
from held
inner join {{ looked_up(ref('int_edit_events'), 'held', ['row_no']) }} as words on held.row_no = words.row_no
inner join {{ ref('int_records') }} as records
    on
        words.tenant_id = records.tenant_id
        and words.entity_type = records.entity_type
        and words.entity_id = records.entity_id
inner join {{ ref('int_users') }} as users
    on
        words.tenant_id = users.tenant_id
        and words.user_id = users.user_id
inner join {{ ref('int_record_users') }} as record_users
    on
        records.record_no = record_users.record_no
        and users.user_no = record_users.user_no
