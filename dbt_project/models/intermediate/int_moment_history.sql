{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Running figures of the user, the record and the entity type, read at each moment's as_of_seq. -#}

{#- What is looked up is carried through the next sort: the wide last. -#}
{% set asking = ['moment_no', 'as_of_no', 'day_number'] %}
{% set of_type = ['type_events', 'type_low_touches', 'type_high_touches'] %}
{% set of_user = ['user_events', 'user_conflicts'] %}
{% set of_own = ['own_event_no', 'own_record_events', 'own_last_event_at', 'own_touches'] %}
{% set of_record = ['record_event_no', 'record_events', 'record_first_event_at', 'record_touches'] %}

with moments as (

    select
        {{ asking | join(', ') }},
        type_no,
        user_no,
        record_no
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments

),

type_events as (

    select
        type_no,
        event_no as type_event_no,
        type_event_number as type_events,
        type_low_touches,
        type_high_touches
    from {{ in_reach(
        ref('int_type_events'), ['type_no', 'event_no', 'type_event_number', 'type_low_touches', 'type_high_touches'],
        ref('int_type_days'), ['type_no'], 'moments'
    ) }} as events

),

user_events as (

    select
        user_no,
        event_no as user_event_no,
        user_event_number as user_events,
        user_conflicts
    from {{ in_reach(
        ref('int_user_events'), ['user_no', 'event_no', 'user_event_number', 'user_conflicts'],
        ref('int_user_days'), ['user_no'], 'moments'
    ) }} as events

),

own_events as (

    select
        record_no,
        user_no,
        event_no as own_event_no,
        own_event_number as own_record_events,
        own_last_event_at,
        own_touches
    from {{ in_reach(
        ref('int_record_events'), ['record_no', 'user_no', 'event_no', 'own_event_number', 'own_last_event_at', 'own_touches'],
        ref('int_record_days'), ['record_no', 'user_no'], 'moments'
    ) }} as events

),

record_events as (

    select
        record_no,
        event_no as record_event_no,
        record_event_number as record_events,
        record_first_event_at,
        record_touches
    from {{ in_reach(
        ref('int_record_events'), ['record_no', 'event_no', 'record_event_number', 'record_first_event_at', 'record_touches'],
        ref('int_record_days'), ['record_no'], 'moments'
    ) }} as events

),

with_type as (

    {{ as_of(
        'moments', asking + ['type_no', 'user_no', 'record_no'], 'as_of_no', 'type_events', of_type, 'type_event_no', ['type_no']
    ) }}

),

with_user as (

    {{ as_of('with_type', asking + ['user_no', 'record_no'] + of_type, 'as_of_no', 'user_events', of_user, 'user_event_no', ['user_no']) }}

),

with_own as (

    {{ as_of(
        'with_user', asking + ['user_no', 'record_no'] + of_type + of_user, 'as_of_no', 'own_events', of_own, 'own_event_no',
        ['record_no', 'user_no']
    ) }}

),

with_record as (

    {{ as_of(
        'with_own', asking + ['record_no'] + of_type + of_user + of_own, 'as_of_no', 'record_events', of_record, 'record_event_no',
        ['record_no']
    ) }}

)

select
    moment_no,
    coalesce(user_events, 0) as user_events,
    coalesce(user_conflicts, 0) as user_conflicts,
    coalesce(record_events, 0) as record_events,
    record_first_event_at,
    record_event_no,
    coalesce(own_record_events, 0) as own_record_events,
    own_last_event_at,
    own_event_no,
    coalesce(type_events, 0) as type_events,
    coalesce(record_touches, 0) as record_touches,
    coalesce(own_touches, 0) as own_touches,
    coalesce(type_low_touches, 0) as type_low_touches,
    coalesce(type_high_touches, 0) as type_high_touches,
    day_number
from with_record
