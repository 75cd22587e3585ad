{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  The features that are histories of record, type, tenant and user, at each moment. Rates of few events are drawn towards those of the
  tenant. Open times come as sums of logarithms in whole numbers of 2^-32.
-#}

with measured as (

    select
        recent_events.moment_no,
        recent_events.day_number,
        recent_events.record_events,
        recent_conflicts.record_conflicts,
        type_rates.type_timed,
        type_rates.type_conflicts,
        (tenant_rates.tenant_conflicts + 1) / cast(tenant_rates.tenant_timed + 50 as {{ double() }}) as tenant_rate,
        tenant_pushes.recent_pushes,
        tenant_pushes.recent_conflicted,
        (tenant_pushes.tenant_conflicted + 1) / cast(tenant_pushes.tenant_pushes + 20 as {{ double() }}) as tenant_push_rate,
        case
            when tenant_pushes.recent_pushes > 0
                then tenant_pushes.recent_open_log / cast({{ 2 ** 32 }} as {{ double() }}) / tenant_pushes.recent_pushes
            else ln(cast(86400 as {{ double() }}))
        end as tenant_open_log,
        user_pushes.user_pushes,
        user_pushes.user_conflicted,
        user_pushes.user_open_log / cast({{ 2 ** 32 }} as {{ double() }}) as user_open_log
    from {{ of_open_days(ref('int_moment_recent_events'), 'moment_no') }} as recent_events
    inner join {{ of_open_days(ref('int_moment_recent_conflicts'), 'moment_no') }} as recent_conflicts
        on recent_events.moment_no = recent_conflicts.moment_no
    inner join {{ of_open_days(ref('int_moment_type_rates'), 'moment_no') }} as type_rates
        on recent_events.moment_no = type_rates.moment_no
    inner join {{ of_open_days(ref('int_moment_tenant_rates'), 'moment_no') }} as tenant_rates
        on recent_events.moment_no = tenant_rates.moment_no
    inner join {{ of_open_days(ref('int_moment_tenant_pushes'), 'moment_no') }} as tenant_pushes
        on recent_events.moment_no = tenant_pushes.moment_no
    inner join {{ of_open_days(ref('int_moment_user_pushes'), 'moment_no') }} as user_pushes
        on recent_events.moment_no = user_pushes.moment_no

)

select
    moment_no,
    cast(least(record_conflicts, {{ var('record_most_events') }}) as {{ double() }}) as record_conflicts_180d,
    cast(least(record_events, {{ var('record_most_events') }}) as {{ double() }}) as record_events_90d,
    cast((type_conflicts + 20 * tenant_rate) / (type_timed + 20) as {{ double() }}) as type_conflict_rate,
    cast((recent_conflicted + 1) / cast(recent_pushes + 20 as {{ double() }}) as {{ double() }}) as tenant_conflict_share,
    cast((user_conflicted + 5 * tenant_push_rate) / (user_pushes + 5) as {{ double() }}) as user_push_conflict_rate,
    cast(
        case when user_pushes > 0 then (user_open_log + 5 * tenant_open_log) / (user_pushes + 5) else tenant_open_log end as {{ double() }}
    ) as user_open_log_seconds,
    day_number
from measured
