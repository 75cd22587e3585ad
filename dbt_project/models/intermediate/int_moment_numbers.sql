-- depends_on: {{ ref('int_days') }}
{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  The moments at which features are wanted, and what the tenant's log held then. Those at which a client could have
  asked about the edit that became an event: there `as_of_seq` is the greatest seq such that it and all before it
  were received strictly before the moment. And those at which one did ask: there it is the one that the answer was logged with.
-#}

{% set moment = ['tenant_no', 'moment_no', 'asked_at', 'type_no', 'record_no', 'user_no', 'day_number'] %}

with starts as (

    select
        {{ shift_right('event_no', 40) }} as tenant_no,
        2 * event_no as moment_no,
        least(edited_at, received_at) as asked_at,
        type_no,
        record_no,
        user_no,
        day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers

),

late_pushes as (

    -- When the first edit of a push was begun. All of a push is received at one instant, so where it is begun long before
    -- that, that edit is among those which were.
    select
        tenant_id,
        sync_id,
        sync_session_id,
        min(edited_at) as began_at,
        max(received_at) as received_at
    from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
    where {{ is_event('outcome') }} and {{ plus_seconds('edited_at', var('edit_open_min_seconds')) }} < received_at
    group by tenant_id, sync_id, sync_session_id

),

asked_again as (

    -- A client asks again about all that it has open, so a push has one such moment. The delay is drawn from the name that
    -- the client gave the push, and from nothing else: it knows nothing of when the sync will come, and the same history
    -- is asked at the same moments on every platform.
    select
        tenant_id,
        sync_id,
        asked_at
    from (
        select
            tenant_id,
            sync_id,
            {{ plus_seconds('began_at', edit_open_delay("tenant_id || '/' || sync_session_id")) }} as asked_at,
            received_at
        from late_pushes
    ) as drawn
    where asked_at < received_at

),

opened as (

    select
        changes.row_no as event_no,
        changes.tenant_id,
        changes.edit_id,
        changes.day_number,
        asked_again.asked_at
    from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
    inner join asked_again
        on
            changes.tenant_id = asked_again.tenant_id
            and changes.sync_id = asked_again.sync_id
    where changes.edited_at <= asked_again.asked_at and asked_again.asked_at < changes.received_at

),

opens as (

    select
        {{ shift_right('numbers.event_no', 40) }} as tenant_no,
        2 * numbers.event_no + 1 as moment_no,
        opened.asked_at,
        numbers.type_no,
        numbers.record_no,
        numbers.user_no,
        numbers.day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers
    inner join opened on numbers.event_no = opened.event_no

),

moments as (

    select * from starts
    union all
    select * from opens

),

seen as (

    -- when what became visible
    {% if is_day_build() %}
    select
        asked.tenant_no,
        log.visible_at,
        log.row_no as seen_no
    from {{ ref('int_log') }} as log
    inner join (
        select distinct
            tenant_no,
            {{ utc_day_number('asked_at') }} as day_number
        from moments
    ) as asked
        on
            log.day_number = asked.day_number
            and {{ shift_right('log.row_no', 40) }} = asked.tenant_no
    where log.is_last_then
    -- and of the days before them, how they ended
    union
    select
        tenant_no,
        last_visible_at,
        last_no
    from {{ ref('int_days') }}
    {% else %}
    select
        {{ shift_right('row_no', 40) }} as tenant_no,
        visible_at,
        row_no as seen_no
    from {{ ref('int_log') }}
    where is_last_then
    {% endif %}

),

positioned as (

    -- what becomes visible at the very instant is not seen
    {{ as_of('moments', moment, 'asked_at', 'seen', ['seen_no'], 'visible_at', ['tenant_no'], strictly=true) }}

),

placed as (

    select
        positioned.*,
        {{ shift_right('positioned.moment_no', 1) }} as event_no,
        coalesce(positioned.seen_no, {{ row_number_in('positioned.tenant_no', '0') }}) as as_of_no
    from positioned

),

editing as (

    select
        2 * row_no as moment_no,
        tenant_id,
        edit_id,
        day_number,
        least(edited_at, received_at) as asked_at
    from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
    where edit_id is not null
    union all
    select
        2 * event_no + 1,
        tenant_id,
        edit_id,
        day_number,
        asked_at
    from opened
    where edit_id is not null

),

edits as (

    select distinct
        tenant_id,
        edit_id
    from editing

),

said as (

    select
        tenant_id,
        edit_id,
        row_no,
        day_number,
        received_at,
        {{ array_size('fields') }} > 0 as is_naming_fields
    from {{ looked_up(ref('int_edit_events'), 'edits', ['tenant_id', 'edit_id']) }} as edit_events

),

announced as (

    -- What the editor had announced by then: its own words come with the question, so those of the same instant count. What
    -- is imported on a later day is not looked for on this one.
    select
        editing.moment_no,
        max(said.row_no) as announced_no
    from editing
    inner join said
        on
            editing.tenant_id = said.tenant_id
            and editing.edit_id = said.edit_id
    where said.received_at <= editing.asked_at and said.day_number <= editing.day_number
    group by editing.moment_no

),

words as (

    select
        announced.moment_no,
        announced.announced_no,
        said.is_naming_fields
    from announced
    inner join said on announced.announced_no = said.row_no

),

questions as (

    select
        questions.*,
        {{ row_number_in('questions.tenant_no', 'questions.as_of_seq') }} as as_of_no
    from {{ of_open_days(ref('int_questions'), 'tenant_no') }} as questions

),

types as (

    {{ entity_types() }}

),

asked_about as (

    select distinct
        tenant_id,
        entity_type,
        entity_id
    from questions

),

records as (

    select
        tenant_id,
        entity_type,
        entity_id,
        record_no
    from {{ looked_up(ref('int_records'), 'asked_about', ['tenant_id', 'entity_type', 'entity_id']) }} as records

)

select
    placed.moment_no,
    placed.event_no,
    placed.asked_at,
    placed.as_of_no - placed.tenant_no * {{ seqs_of_a_tenant() }} as as_of_seq,
    placed.as_of_no,
    placed.type_no,
    placed.record_no,
    placed.user_no,
    words.announced_no,
    coalesce(words.is_naming_fields, false) as is_announced,
    placed.day_number
from placed
left join words on placed.moment_no = words.moment_no
union all
-- what was asked says itself when, about what it knew, and what was announced with the question
select
    questions.moment_no,
    null,
    questions.asked_at,
    questions.as_of_seq,
    questions.as_of_no,
    -- 0: nothing of it in the log by then
    case when types.type_no <= questions.as_of_no then types.type_no else 0 end,
    case when records.record_no <= questions.as_of_no then records.record_no else 0 end,
    case when users.user_no <= questions.as_of_no then users.user_no else 0 end,
    null,
    {{ array_size('questions.announced_fields') }} > 0,
    questions.day_number
from questions
left join types
    on
        questions.tenant_id = types.tenant_id
        and questions.entity_type = types.entity_type
left join records
    on
        questions.tenant_id = records.tenant_id
        and questions.entity_type = records.entity_type
        and questions.entity_id = records.entity_id
left join {{ ref('int_users') }} as users
    on
        questions.tenant_id = users.tenant_id
        and questions.user_id = users.user_id
