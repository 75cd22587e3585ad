{#- The five features of the contract, one row per moment. -#}

with overlap as (

    select
        tenant_id,
        moment_id,
        -- 1 - product(1 - p q); the logarithm of nothing left has no value
        case
            when max(p * q) >= 1 then 1
            -- PostgreSQL refuses to underflow
            else 1 - exp(greatest(-700, {{ ordered_sum('ln(case when p * q >= 1 then 1 else 1 - p * q end)', 'field') }}))
        end as score
    from {{ ref('int_moment_field_shares') }}
    group by tenant_id, moment_id

),

measured as (

    select
        moments.tenant_id,
        moments.moment_id,
        editors.concurrent_editors,
        {{ seconds_between('history.own_last_event_at', 'moments.asked_at') }} / 3600 as hours_since,
        history.user_events,
        history.user_conflicts,
        history.record_events,
        {{ seconds_between('history.record_first_event_at', 'moments.asked_at') }} / 86400 as record_age_days,
        overlap.score
    from {{ ref('int_moments') }} as moments
    inner join {{ ref('int_moment_history') }} as history
        on
            moments.tenant_id = history.tenant_id
            and moments.moment_id = history.moment_id
    left join {{ ref('int_moment_editors') }} as editors
        on
            moments.tenant_id = editors.tenant_id
            and moments.moment_id = editors.moment_id
    left join overlap
        on
            moments.tenant_id = overlap.tenant_id
            and moments.moment_id = overlap.moment_id

)

select
    tenant_id,
    moment_id,
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
    cast(coalesce(score, 0) as {{ double() }}) as field_overlap_score
from measured
