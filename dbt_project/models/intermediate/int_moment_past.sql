{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  What the record's events say at each moment: how many there were a day, how long ago the user's own last one was, and how
  often others' last ones touched which of the type's first twelve fields: the record's events from one place to another, less the user's
  own between them, as differences of running sums.
-#}

{% set last = var('overlap_record_events') %}

with measured as (

    select
        moments.moment_no,
        moments.day_number,
        {{ seconds_between('of_own.own_last_event_at', 'moments.asked_at') }} / 3600 as hours_since,
        {{ seconds_between('of_record.record_first_event_at', 'moments.asked_at') }} / 86400 as record_age_days,
        of_record.record_events,
        of_record.record_events - of_own.own_record_events as others,
        {{ between_rests('of_record.record_touches - of_own.own_touches - coalesce(windows.touches_before, 0)') }} as touches
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    inner join {{ of_open_days(ref('int_moment_record_events'), 'moment_no') }} as of_record on moments.moment_no = of_record.moment_no
    inner join {{ of_open_days(ref('int_moment_own_events'), 'moment_no') }} as of_own on moments.moment_no = of_own.moment_no
    left join {{ of_open_days(ref('int_moment_windows'), 'moment_no') }} as windows on moments.moment_no = windows.moment_no

)

select
    moment_no,
    cast(
        case
            when hours_since is null or hours_since > {{ var('hours_since_last_sync_cap') }} then {{ var('hours_since_last_sync_cap') }}
            when hours_since < 0 then 0
            else hours_since
        end as {{ double() }}
    ) as hours_since_last_sync,
    cast(
        case when record_age_days > 1 then record_events / record_age_days else record_events end as {{ double() }}
    ) as entity_edit_frequency,
    case when others < {{ last }} then others else {{ last }} end as window_size,
    touches,
    day_number
from measured
