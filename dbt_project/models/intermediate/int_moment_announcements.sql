{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  What the editor of each event had announced at its moments: its own words come with the question, so those of the same instant count.
  What is imported on a later day is not looked for on this one. No row where it had announced nothing.
-#}

with editing as (

    select
        2 * row_no as moment_no,
        {{ shift_right('row_no', 40) }} as tenant_no,
        edit_id,
        day_number,
        least(edited_at, received_at) as asked_at
    from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
    where {{ is_event('outcome') }} and edit_id is not null
    union all
    select
        2 * event_no + 1,
        {{ shift_right('event_no', 40) }},
        edit_id,
        day_number,
        asked_at
    from {{ of_open_days(ref('int_asked_again'), 'event_no') }} as asked_again
    where edit_id is not null

),

{% if is_day_build() %}

edits as (

    select distinct edit_id from editing

),

{% endif %}

said as (

    select
        {{ shift_right('row_no', 40) }} as tenant_no,
        edit_id,
        row_no,
        day_number,
        received_at,
        case when {{ array_size('fields') }} > 0 then 1 else 0 end as is_naming_fields
    from {{ looked_up(ref('int_edit_events'), 'edits', ['edit_id']) }} as edit_events

),

announced as (

    -- the last row, and of it whether it names fields, as one number
    select
        editing.moment_no,
        editing.day_number,
        max(2 * said.row_no + said.is_naming_fields) as last_said
    from editing
    inner join said
        on
            editing.tenant_no = said.tenant_no
            and editing.edit_id = said.edit_id
    where said.received_at <= editing.asked_at and said.day_number <= editing.day_number
    group by editing.moment_no, editing.day_number

)

select
    moment_no,
    {{ shift_right('last_said', 1) }} as announced_no,
    last_said % 2 = 1 as is_naming_fields,
    day_number
from announced
