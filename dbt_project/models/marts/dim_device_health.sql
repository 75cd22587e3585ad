{#-
  How well each device syncs: 60 % success rate, 20 % recency, 20 % freedom from conflicts. Recency falls from full
  within a day of the tenant's newest push to nothing after 30 days, so that it says the same on every rerun.
-#}

with requests as (

    select
        tenant_id,
        device_id,
        100.0 * sum(case when status = 'failed' then 0 else 1 end) / count(*) as success_rate_pct,
        max(received_at) as last_synced_at
    from {{ ref('stg_sync__requests') }}
    group by 1, 2

),

events as (

    select
        tenant_id,
        device_id,
        100.0 * sum(case when is_conflicted then 1 else 0 end) / count(*) as conflict_rate_pct
    from {{ ref('int_events') }}
    group by 1, 2

),

newest as (

    select
        tenant_id,
        max(received_at) as newest_at
    from {{ ref('stg_sync__requests') }}
    group by 1

),

measured as (

    select
        devices.tenant_id,
        devices.device_id,
        devices.user_id,
        requests.success_rate_pct,
        events.conflict_rate_pct,
        requests.last_synced_at,
        {{ seconds_between('requests.last_synced_at', 'newest.newest_at') }} / 86400 as idle_days
    from {{ ref('stg_sync__devices') }} as devices
    inner join requests
        on devices.tenant_id = requests.tenant_id and devices.device_id = requests.device_id
    inner join newest
        on devices.tenant_id = newest.tenant_id
    left join events
        on devices.tenant_id = events.tenant_id and devices.device_id = events.device_id

),

scored as (

    select
        *,
        case
            when idle_days <= 1 then 100
            when idle_days >= 30 then 0
            else 100 * (30 - idle_days) / 29
        end as recency_pct
    from measured

)

select
    tenant_id,
    device_id,
    user_id,
    cast(
        0.6 * success_rate_pct + 0.2 * recency_pct + 0.2 * (100 - coalesce(conflict_rate_pct, 0)) as {{ double() }}
    ) as score,
    cast(success_rate_pct as {{ double() }}) as success_rate_pct,
    cast(conflict_rate_pct as {{ double() }}) as conflict_rate_pct,
    last_synced_at,
    {{ json_texts(
        "case when success_rate_pct < 95 then 'failed_requests' end",
        "case when recency_pct < 50 then 'not_seen_lately' end",
        "case when conflict_rate_pct > 10 then 'many_conflicts' end"
    ) }} as reasons
from scored
