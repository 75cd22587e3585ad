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

opens as (

    select
        2 * numbers.event_no + 1 as moment_no,
        asked_again.asked_at,
        numbers.record_user_no,
        numbers.day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers
    inner join {{ of_open_days(ref('int_asked_again'), 'event_no') }} as asked_again on numbers.event_no = asked_again.event_no

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
    announced.announced_no,
    coalesce(announced.is_naming_fields, false) as is_announced,
    positioned.day_number
from positioned
inner join {{ ref('int_record_users') }} as record_users on positioned.record_user_no = record_users.record_user_no
left join {{ of_open_days(ref('int_moment_announcements'), 'moment_no') }} as announced on positioned.moment_no = announced.moment_no
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
