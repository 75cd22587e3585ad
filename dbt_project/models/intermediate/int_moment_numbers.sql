-- depends_on: {{ ref('int_days') }}
{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  The moments at which features are wanted, and what the tenant's log held then. Those at which a client could have
  asked about the edit that became an event: there `as_of_no` is the last row such that it and all before it
  were received strictly before the moment. And those at which one did ask: there it is the one that the answer was logged with.
-#}

{% set moment = ['moment_no', 'asked_at', 'record_user_no', 'day_number'] %}

with starts as (

    select
        2 * event_no as moment_no,
        least(edited_at, received_at) as asked_at,
        record_user_no,
        day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers

),

asked_again as (

    -- A client asks again about all that it has open, so a push has one such moment, counted from when its first edit was begun:
    -- of those that were begun long enough before it was received, that one is the first. The delay is drawn from the name that
    -- the client gave the push, and from nothing else: it knows nothing of when the sync will come, and the same history
    -- is asked at the same moments on every platform.
    select
        tenant_id,
        sync_id,
        min(asked_at) as asked_at
    from (
        select
            tenant_id,
            sync_id,
            -- not drawn where none would be
            case
                when {{ plus_seconds('edited_at', var('edit_open_min_seconds')) }} < received_at
                    then {{ plus_seconds('edited_at', edit_open_delay("tenant_id || '/' || sync_session_id")) }}
            end as asked_at,
            received_at
        from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
        where {{ is_event('outcome') }}
    ) as drawn
    where asked_at < received_at
    group by tenant_id, sync_id

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
        2 * numbers.event_no + 1 as moment_no,
        opened.asked_at,
        numbers.record_user_no,
        numbers.day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers
    inner join opened on numbers.event_no = opened.event_no

),

moments as (

    select
        *,
        {{ day_of_tenant(tenant_of('moment_no'), utc_day_number('asked_at')) }} as tenant_day
    from (
        select * from starts
        union all
        select * from opens
    ) as asked

),

-- Of each day up to the newest, how the days before it ended: a moment is looked for in its own day alone.
days_before as (

    select
        tenant_no,
        last_no,
        {{ explode_range('day_number + 1', 'next_day_number') }} as day_number
    from (
        select
            tenant_no,
            last_no,
            day_number,
            lead(day_number) over (partition by tenant_no order by day_number) as next_day_number
        from {{ ref('int_days') }}
    ) as days
    where next_day_number is not null

),

seen as (

    -- when what became visible
    select
        {{ day_of_tenant(shift_right('log.row_no', 40), 'log.day_number') }} as tenant_day,
        log.visible_at,
        log.row_no as seen_no
    from {{ ref('int_log') }} as log
    {%- if is_day_build() %}
    inner join (
        select distinct
            {{ tenant_of('moment_no') }} as tenant_no,
            {{ utc_day_number('asked_at') }} as day_number
        from moments
    ) as asked
        on
            log.day_number = asked.day_number
            and {{ shift_right('log.row_no', 40) }} = asked.tenant_no
    {%- endif %}
    where log.is_last_then
    union all
    select
        {{ day_of_tenant('tenant_no', 'day_number') }},
        {{ plus_seconds("cast('1970-01-01 00:00:00+00' as " ~ timestamptz() ~ ")", 'day_number * 86400 - 1') }},
        last_no
    from days_before

),

positioned as (

    -- what becomes visible at the very instant is not seen
    {{ as_of('moments', moment, 'asked_at', 'seen', ['seen_no'], 'visible_at', ['tenant_day'], strictly=true) }}

),

editing as (

    select
        2 * row_no as moment_no,
        {{ shift_right('row_no', 40) }} as tenant_no,
        edit_id,
        day_number,
        least(edited_at, received_at) as asked_at
    from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
    where edit_id is not null
    union all
    select
        2 * event_no + 1,
        {{ shift_right('event_no', 40) }},
        edit_id,
        day_number,
        asked_at
    from opened
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

    -- What the editor had announced by then: its own words come with the question, so those of the same instant count. What
    -- is imported on a later day is not looked for on this one. The last row, and of it whether it names fields, as one number.
    select
        editing.moment_no,
        max(2 * said.row_no + said.is_naming_fields) as last_said
    from editing
    inner join said
        on
            editing.tenant_no = said.tenant_no
            and editing.edit_id = said.edit_id
    where said.received_at <= editing.asked_at and said.day_number <= editing.day_number
    group by editing.moment_no

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
    positioned.moment_no,
    positioned.asked_at,
    coalesce(positioned.seen_no, {{ row_number_in(tenant_of('positioned.moment_no'), '0') }}) as as_of_no,
    record_users.type_no,
    record_users.record_no,
    record_users.user_no,
    positioned.record_user_no,
    {{ shift_right('announced.last_said', 1) }} as announced_no,
    coalesce(announced.last_said, 0) % 2 = 1 as is_announced,
    positioned.day_number
from positioned
inner join {{ ref('int_record_users') }} as record_users on positioned.record_user_no = record_users.record_user_no
left join announced on positioned.moment_no = announced.moment_no
union all
-- what was asked says itself when, about what it knew, and what was announced with the question
select
    questions.moment_no,
    questions.asked_at,
    questions.as_of_no,
    -- 0: nothing of it in the log by then
    case when types.type_no <= questions.as_of_no then types.type_no else 0 end,
    case when records.record_no <= questions.as_of_no then records.record_no else 0 end,
    case when users.user_no <= questions.as_of_no then users.user_no else 0 end,
    case when record_users.record_user_no <= questions.as_of_no then record_users.record_user_no else 0 end,
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
left join {{ ref('int_record_users') }} as record_users
    on
        records.record_no = record_users.record_no
        and users.user_no = record_users.user_no
