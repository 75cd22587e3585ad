-- depends_on: {{ ref('int_moment_numbers') }}
-- depends_on: {{ ref('int_days') }}
-- depends_on: {{ ref('int_newest_events') }}
-- depends_on: {{ ref('int_open_days') }}
{#-
  The events that the moments of the open days look back at: those of the days from which on they do, and the last event
  before those of each record, user of a record, user and type. Empty where everything is built.
-#}

{% if is_day_build() %}

with moments as (

    select
        moment_no,
        asked_at,
        as_of_no,
        type_no,
        record_no,
        user_no,
        {{ tenant_of('moment_no') }} as tenant_no
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments

),

days as (

    select
        tenant_no,
        day_number,
        first_no
    from {{ ref('int_days') }}

),

placed as (

    {{ as_of('moments', ['tenant_no', 'asked_at'], 'as_of_no', 'days', ['day_number'], 'first_no', ['tenant_no']) }}

),

reached as (

    -- who was there lately may have come on the day before
    select
        tenant_no,
        min(least(day_number, {{ utc_day_number(plus_seconds('asked_at', '-' ~ var('presence_window_seconds'))) }})) as first_day
    from placed
    where day_number is not null
    group by tenant_no

),

days_reached as (

    select
        days.tenant_no,
        days.day_number,
        days.first_no
    from days
    inner join reached
        on
            days.tenant_no = reached.tenant_no
            and days.day_number >= reached.first_day

),

near as (

    select events.*
    from {{ ref('int_event_numbers') }} as events
    inner join days_reached
        on
            events.day_number = days_reached.day_number
            and {{ shift_right('events.event_no', 40) }} = days_reached.tenant_no

),

asked_about as (

    select
        'record' as kind,
        record_no as key_no,
        0 as user_no
    from moments
    where moment_no < 0
    union
    select
        'own',
        record_no,
        user_no
    from moments
    where moment_no < 0
    union
    select
        'user',
        user_no,
        0
    from moments
    where moment_no < 0
    union
    select
        'type',
        type_no,
        0
    from moments
    where moment_no < 0

),

before as (

    select type_previous_no as event_no from near
    union
    select record_previous_no from near
    union
    select own_previous_no from near
    union
    select user_previous_no from near
    union
    select newest.event_no
    from {{ ref('int_newest_events') }} as newest
    inner join asked_about
        on
            newest.kind = asked_about.kind
            and newest.key_no = asked_about.key_no
            and newest.user_no = asked_about.user_no

),

far as (

    select before.event_no
    from before
    left join near on before.event_no = near.event_no
    where before.event_no is not null and near.event_no is null

)

select * from near
union all
select events.*
from {{ ref('int_event_numbers') }} as events
inner join far on events.event_no = far.event_no

{% else %}

select *
from {{ ref('int_event_numbers') }}
where false

{% endif %}
