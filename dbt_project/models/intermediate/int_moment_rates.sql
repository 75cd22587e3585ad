{#-
  Histories of record, type, tenant and user, read at each moment's as_of_seq. How much of a record's falls into the
  time before the moment is what there is less what there was when that time began.
-#}

{% set asking = ['moment_no', 'tenant_no', 'as_of_no', 'conflicts_from_us', 'events_from_us', 'type_no', 'record_no', 'user_no'] %}
{% set asked = asking + ['record_events', 'record_conflicts'] %}
{% set of_type = ['type_timed', 'type_conflicts'] %}
{% set of_tenant = ['tenant_timed', 'tenant_conflicts'] %}
{% set of_pushes = ['tenant_pushes', 'tenant_conflicted', 'recent_pushes', 'recent_conflicted', 'recent_open_log'] %}
{% set of_user = ['user_pushes', 'user_conflicted', 'user_open_log'] %}
{% set day = 86400000000 %}

with moments as (

    select
        moments.moment_no,
        {{ shift_right('moments.as_of_no', 40) }} as tenant_no,
        moments.as_of_no,
        {{ micros('moments.asked_at') }} - {{ var('record_conflict_days') * day }} as conflicts_from_us,
        {{ micros('moments.asked_at') }} - {{ var('record_event_days') * day }} as events_from_us,
        moments.type_no,
        moments.record_no,
        moments.user_no,
        history.record_events,
        coalesce(rates.record_conflicts, 0) as record_conflicts
    from {{ ref('int_moment_numbers') }} as moments
    inner join {{ ref('int_moment_history') }} as history on moments.moment_no = history.moment_no
    left join {{ ref('int_event_rates') }} as rates on history.record_event_no = rates.event_no

),

received as (

    select
        record_no,
        record_received_us,
        record_event_number,
        record_conflicts,
        lead(record_received_us) over (partition by record_no order by event_no) as next_us
    from {{ ref('int_event_rates') }}

),

record_times as (

    -- of all that a record received at one instant, the last; an import's old rows count as received with those before
    select
        record_no,
        record_received_us,
        record_event_number as former_events,
        record_conflicts as former_conflicts
    from received
    where next_us is null or next_us > record_received_us

),

event_rates as (

    select * from {{ ref('int_event_rates') }}

),

pushes as (

    select * from {{ ref('int_pushes') }}

),

with_events as (

    {{ as_of('moments', asked, 'events_from_us', 'record_times', ['former_events'], 'record_received_us', ['record_no']) }}

),

with_conflicts as (

    {{ as_of(
        'with_events', asked + ['former_events'], 'conflicts_from_us', 'record_times', ['former_conflicts'],
        'record_received_us', ['record_no']
    ) }}

),

of_records as (

    select
        {{ asking | join(', ') }},
        -- what has yet to be seen may be as old
        greatest(record_events - coalesce(former_events, 0), 0) as recent_events,
        greatest(record_conflicts - coalesce(former_conflicts, 0), 0) as recent_conflicts
    from with_conflicts

),

with_type as (

    {{ as_of(
        'of_records', asking + ['recent_events', 'recent_conflicts'], 'as_of_no', 'event_rates', of_type, 'event_no', ['type_no']
    ) }}

),

with_tenant as (

    {{ as_of(
        'with_type', asking + ['recent_events', 'recent_conflicts'] + of_type, 'as_of_no', 'event_rates', of_tenant, 'event_no',
        ['tenant_no']
    ) }}

),

with_pushes as (

    {{ as_of(
        'with_tenant', asking + ['recent_events', 'recent_conflicts'] + of_type + of_tenant, 'as_of_no', 'pushes', of_pushes,
        'push_no', ['tenant_no']
    ) }}

),

with_user as (

    {{ as_of(
        'with_pushes', ['moment_no', 'as_of_no', 'user_no', 'recent_events', 'recent_conflicts'] + of_type + of_tenant + of_pushes,
        'as_of_no', 'pushes', of_user, 'push_no', ['user_no']
    ) }}

)

select
    moment_no,
    recent_events as record_events,
    recent_conflicts as record_conflicts,
    coalesce(type_timed, 0) as type_timed,
    coalesce(type_conflicts, 0) as type_conflicts,
    coalesce(tenant_timed, 0) as tenant_timed,
    coalesce(tenant_conflicts, 0) as tenant_conflicts,
    coalesce(tenant_pushes, 0) as tenant_pushes,
    coalesce(tenant_conflicted, 0) as tenant_conflicted,
    coalesce(recent_pushes, 0) as recent_pushes,
    coalesce(recent_conflicted, 0) as recent_conflicted,
    coalesce(recent_open_log, 0) as recent_open_log,
    coalesce(user_pushes, 0) as user_pushes,
    coalesce(user_conflicted, 0) as user_conflicted,
    coalesce(user_open_log, 0) as user_open_log
from with_user
