-- depends_on: {{ ref('int_days') }}
{{ config(materialized='incremental', unique_key='event_no') }}
{#- Running figures of users. -#}

with events as (

    select
        event_no,
        user_no,
        is_conflicted,
        day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers

),

before as (

    {% if is_day_build() %}
    select
        user_no,
        user_event_number,
        user_conflicts
    from {{ last_before(as_left('int_user_days'), ['user_no'], 'events', open_from()) }} as lasts
    {% else %}
    {{ no_rows(['user_no', 'user_event_number', 'user_conflicts']) }}
    {% endif %}

),

counted as (

    select
        event_no,
        user_no,
        day_number,
        row_number() over by_user as user_number,
        {{ running_sum('case when is_conflicted then 1 else 0 end', 'by_user') }} as conflicts,
        {{ ends_a_day(['user_no'], ['event_no']) }} as ends_day
    from events
    window by_user as {{ up_to_here(['user_no'], ['event_no']) }}

)

select
    counted.event_no,
    counted.user_no,
    counted.user_number + coalesce(before.user_event_number, 0) as user_event_number,
    counted.conflicts + coalesce(before.user_conflicts, 0) as user_conflicts,
    counted.ends_day,
    counted.day_number
from counted
left join before on counted.user_no = before.user_no
-- in the order of the log, so that a day's rows lie together
order by counted.event_no
