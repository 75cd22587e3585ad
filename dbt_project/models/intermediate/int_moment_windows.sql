{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  What stands before the window of others' last events on the record, at moments when there were more of others: touches of
  others, and the events that the record and the user's own on it had come to.

  The window begins with the record's event behind as many others as are before it, and behind the user's own among those. The
  user's own events before it are those with no more others before them; each is known by the others before it and its number, which
  is one place apiece.
-#}

{% set last = var('overlap_record_events') %}
{#- more than a user's events on a record -#}
{% set places = 4294967296 %}

with far as (

    select
        of_record.moment_no,
        of_record.record_no,
        of_own.record_user_no,
        of_record.record_events - of_own.own_record_events - {{ last }} as others_before,
        (of_record.record_events - of_own.own_record_events - {{ last }} + 1) * {{ places }} - 1 as before_window,
        of_record.day_number
    from {{ of_open_days(ref('int_moment_record_events'), 'moment_no') }} as of_record
    inner join {{ of_open_days(ref('int_moment_own_events'), 'moment_no') }} as of_own on of_record.moment_no = of_own.moment_no
    where of_record.record_events > of_own.own_record_events + {{ last }}

),

{% if is_day_build() %}

far_off as (

    select
        record_user_no,
        min(before_window) as before_windows
    from far
    group by record_user_no

),

{% endif %}

own_past as (

    select
        record_user_no,
        event_no as own_before_no,
        own_event_number as own_before,
        own_touches as own_before_touches,
        (record_event_number - own_event_number) * {{ places }} + own_event_number as own_place
    from {{ looked_up(ref('int_record_events'), 'far_off', ['record_user_no']) }} as events

),

{% if is_day_build() %}

-- the last one before all of them, and those since: few of a long life
last_before as (

    select
        own_past.record_user_no,
        max(own_past.own_place) as own_place
    from own_past
    inner join far_off on own_past.record_user_no = far_off.record_user_no
    where own_past.own_place <= far_off.before_windows
    group by own_past.record_user_no

),

own_events as (

    select own_past.*
    from own_past
    left join last_before on own_past.record_user_no = last_before.record_user_no
    where last_before.own_place is null or own_past.own_place >= last_before.own_place

),

{% endif %}

own_before as (

    {{ as_of(
        'far', ['moment_no', 'record_no', 'others_before', 'day_number'], 'before_window',
        'own_events' if is_day_build() else 'own_past', ['own_before_no', 'own_before', 'own_before_touches'], 'own_place',
        ['record_user_no']
    ) }}

),

begun as (

    select
        moment_no,
        record_no,
        others_before + coalesce(own_before, 0) as record_before,
        own_before_no,
        own_before_touches,
        day_number
    from own_before

)
{%- if is_day_build() %},

windows_begun as (

    select distinct
        record_no,
        record_before as record_event_number
    from begun

)
{%- endif %}

select
    begun.moment_no,
    before.record_touches - coalesce(begun.own_before_touches, 0) as touches_before,
    before.event_no as record_before_no,
    begun.own_before_no,
    begun.day_number
from begun
inner join {{ looked_up(ref('int_record_events'), 'windows_begun', ['record_no', 'record_event_number']) }} as before
    on
        begun.record_no = before.record_no
        and begun.record_before = before.record_event_number
