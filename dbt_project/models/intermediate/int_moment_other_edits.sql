{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Of the edits open at a moment (`int_moment_edits`) those of others: of another user, or of the same user on another device.
  Where the asker did not name its device, its own user's edits are taken for its own. Words are compared here, and nowhere after.
-#}

{#- Read where they are wanted: a common table would be a copy of them. -#}
{% set edits = of_open_days(ref('int_moment_edits'), 'moment_no') %}

with wanted as (

    select distinct from_no as row_no
    from {{ edits }} as edits

),

moments as (

    select
        numbers.moment_no,
        numbers.asked_at,
        events.user_id,
        events.device_id,
        events.edit_id,
        said.base_version
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as numbers
    inner join {{ of_open_days(ref('int_changes'), 'row_no') }} as events on {{ event_of('numbers.moment_no') }} = events.row_no
    inner join {{ words_announced() }} as said on numbers.announced_no = said.row_no
    -- an inner join by itself does not tell DuckDB how few they are
    where numbers.announced_no is not null
    union all
    select
        moment_no,
        asked_at,
        user_id,
        device_id,
        edit_id,
        announced_base_version
    from {{ of_open_days(ref('int_questions'), 'tenant_no') }} as questions

)

select
    edits.moment_no,
    moments.asked_at,
    edits.from_no,
    case when words.user_id = moments.user_id then 1 else 0 end as of_same_user,
    case when words.base_version = moments.base_version then 1 else 0 end as of_same_base,
    edits.day_number
from {{ edits }} as edits
inner join moments on edits.moment_no = moments.moment_no
inner join {{ looked_up(ref('int_edit_events'), 'wanted', ['row_no']) }} as words on edits.from_no = words.row_no
where
    (moments.edit_id is null or words.edit_id <> moments.edit_id)
    and (words.user_id <> moments.user_id or words.device_id <> moments.device_id)
