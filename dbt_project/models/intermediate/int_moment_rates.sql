{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Histories of record, type, tenant and user, read at each moment's as_of_seq. How much of a record's falls into the
  time before the moment is what there is less what there was when that time began.
-#}

{% set asking = [
    'moment_no', 'day_number', 'tenant_no', 'as_of_no', 'conflicts_from_us', 'events_from_us', 'type_no', 'record_no', 'user_no',
] %}
{% set asked = asking + ['record_events', 'record_conflicts'] %}
{% set of_type = ['type_timed', 'type_conflicts'] %}
{% set of_tenant = ['tenant_timed', 'tenant_conflicts'] %}
{% set of_pushes = ['tenant_pushes', 'tenant_conflicted', 'recent_pushes', 'recent_conflicted', 'recent_open_log'] %}
{% set of_user = ['user_pushes', 'user_conflicted', 'user_open_log'] %}
{% set day = 86400000000 %}

with asked_at as (

    select
        moments.moment_no,
        moments.day_number,
        {{ shift_right('moments.as_of_no', 40) }} as tenant_no,
        moments.as_of_no,
        {{ micros('moments.asked_at') }} - {{ var('record_conflict_days') * day }} as conflicts_from_us,
        {{ micros('moments.asked_at') }} - {{ var('record_event_days') * day }} as events_from_us,
        moments.type_no,
        moments.record_no,
        moments.user_no,
        of_record.record_events,
        of_record.record_event_no
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    inner join {{ of_open_days(ref('int_moment_record_events'), 'moment_no') }} as of_record on moments.moment_no = of_record.moment_no

),

newest as (

    select distinct record_event_no as event_no
    from asked_at
    where record_event_no is not null

),

moments as (

    select
        asked_at.*,
        coalesce(rates.record_conflicts, 0) as record_conflicts
    from asked_at
    left join {{ looked_up(ref('int_event_rates'), 'newest', ['event_no']) }} as rates on asked_at.record_event_no = rates.event_no

),

{% if is_day_build() %}

-- how far back the moments of each record and tenant look
records_from as (

    select
        record_no,
        min(least(conflicts_from_us, events_from_us)) as from_us
    from moments
    group by record_no

),

tenants_from as (

    select
        tenant_no,
        min(as_of_no) as from_no
    from moments
    group by tenant_no

),

record_events as (

    select
        rates.record_no,
        rates.event_no,
        rates.record_received_us,
        rates.record_event_number,
        rates.record_conflicts,
        rates.conflicted
    from {{ ref('int_event_rates') }} as rates
    inner join records_from
        on
            rates.record_no = records_from.record_no
            and rates.record_received_us > records_from.from_us

),

lasts as (

    select
        pushes.tenant_no,
        pushes.user_no,
        max(pushes.push_no) as push_no
    from {{ ref('int_pushes') }} as pushes
    inner join tenants_from on pushes.tenant_no = tenants_from.tenant_no and pushes.push_no <= tenants_from.from_no
    group by pushes.tenant_no, pushes.user_no

),

pushes as (

    select pushes.*
    from {{ ref('int_pushes') }} as pushes
    inner join tenants_from on pushes.tenant_no = tenants_from.tenant_no and pushes.push_no > tenants_from.from_no
    union all
    -- of each user, and so of the tenant
    select pushes.*
    from {{ ref('int_pushes') }} as pushes
    inner join lasts on pushes.push_no = lasts.push_no

),

{% else %}

record_events as (

    select
        record_no,
        event_no,
        record_received_us,
        record_event_number,
        record_conflicts,
        conflicted
    from {{ ref('int_event_rates') }}

),

pushes as (

    select * from {{ ref('int_pushes') }}

),

{% endif %}

tenant_rates as (

    select
        event_no,
        tenant_no,
        tenant_timed,
        tenant_conflicts
    from {{ in_reach(
        ref('int_event_rates'), ['event_no', 'tenant_no', 'tenant_timed', 'tenant_conflicts'], ref('int_event_rates'), ['tenant_no'], 'moments'
    ) }} as rates

),

type_rates as (

    select
        event_no,
        type_no,
        type_timed,
        type_conflicts
    from {{ in_reach(
        ref('int_event_rates'), ['event_no', 'type_no', 'type_timed', 'type_conflicts'], ref('int_event_rates'), ['type_no'], 'moments'
    ) }} as rates

),

received as (

    select
        record_no,
        record_received_us,
        record_event_number,
        record_conflicts,
        lead(record_received_us) over (partition by record_no order by event_no) as next_us
    from record_events

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
    {% if is_day_build() %}
    union all
    -- before the first that is looked at; where there is none, all
    select
        records_from.record_no,
        records_from.from_us,
        coalesce(min(record_events.record_event_number) - 1, {{ seqs_of_a_tenant() }}),
        coalesce(min(record_events.record_conflicts - record_events.conflicted), {{ seqs_of_a_tenant() }})
    from records_from
    left join record_events on records_from.record_no = record_events.record_no
    group by records_from.record_no, records_from.from_us
    {% endif %}

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
        'of_records', asking + ['recent_events', 'recent_conflicts'], 'as_of_no', 'type_rates', of_type, 'event_no', ['type_no']
    ) }}

),

with_tenant as (

    {{ as_of(
        'with_type', asking + ['recent_events', 'recent_conflicts'] + of_type, 'as_of_no', 'tenant_rates', of_tenant, 'event_no',
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
        'with_pushes', ['moment_no', 'day_number', 'as_of_no', 'user_no', 'recent_events', 'recent_conflicts'] + of_type + of_tenant + of_pushes,
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
    coalesce(user_open_log, 0) as user_open_log,
    day_number
from with_user
