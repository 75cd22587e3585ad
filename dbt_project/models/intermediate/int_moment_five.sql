{{ config(materialized='incremental', unique_key='moment_no') }}
{#- The five features of the first contract, one row per moment; and the overlap, had the edit announced nothing. -#}

with measured as (

    select
        moments.moment_no,
        moments.day_number,
        editors.concurrent_editors,
        {{ seconds_between('of_own.own_last_event_at', 'moments.asked_at') }} / 3600 as hours_since,
        of_user.user_events,
        of_user.user_conflicts,
        of_record.record_events,
        {{ seconds_between('of_record.record_first_event_at', 'moments.asked_at') }} / 86400 as record_age_days,
        overlap.score,
        overlap.silent_score
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    inner join {{ of_open_days(ref('int_moment_user_events'), 'moment_no') }} as of_user on moments.moment_no = of_user.moment_no
    inner join {{ of_open_days(ref('int_moment_record_events'), 'moment_no') }} as of_record on moments.moment_no = of_record.moment_no
    inner join {{ of_open_days(ref('int_moment_own_events'), 'moment_no') }} as of_own on moments.moment_no = of_own.moment_no
    left join {{ of_open_days(ref('int_moment_editors'), 'moment_no') }} as editors on moments.moment_no = editors.moment_no
    left join {{ of_open_days(ref('int_moment_overlap'), 'moment_no') }} as overlap on moments.moment_no = overlap.moment_no

)

select
    moment_no,
    cast(coalesce(concurrent_editors, 0) as {{ double() }}) as concurrent_editors,
    cast(
        case
            when hours_since is null or hours_since > {{ var('hours_since_last_sync_cap') }} then {{ var('hours_since_last_sync_cap') }}
            when hours_since < 0 then 0
            else hours_since
        end as {{ double() }}
    ) as hours_since_last_sync,
    cast(case when user_events > 0 then 100 * user_conflicts / cast(user_events as {{ double() }}) else 0 end as {{ double() }})
        as user_conflict_rate,
    cast(
        case when record_age_days > 1 then record_events / record_age_days else record_events end as {{ double() }}
    ) as entity_edit_frequency,
    cast(coalesce(score, 0) as {{ double() }}) as field_overlap_score,
    cast(coalesce(silent_score, 0) as {{ double() }}) as silent_overlap_score,
    day_number
from measured
