{#- How collisions were settled, by week, entity type and strategy: what tells whether a policy does its work. -#}

with conflicts as (

    select
        *,
        {{ utc_week('created_at') }} as week_at,
        status <> 'open' and not is_auto_resolved as is_settled_later
    from {{ ref('stg_sync__conflicts') }}
    -- an overlap found by the window stopped nothing
    where detection = 'version'

)

select
    tenant_id,
    week_at,
    entity_type,
    resolution_strategy,
    is_shadow,
    cast(count(*) as {{ dbt.type_bigint() }}) as conflicts,
    cast(sum(case when is_auto_resolved then 1 else 0 end) as {{ dbt.type_bigint() }}) as auto_resolved,
    cast(sum(case when is_settled_later and status = 'resolved' then 1 else 0 end) as {{ dbt.type_bigint() }})
        as settled_by_people,
    cast(sum(case when is_settled_later and status = 'discarded' then 1 else 0 end) as {{ dbt.type_bigint() }})
        as discarded,
    cast(sum(case when status = 'open' then 1 else 0 end) as {{ dbt.type_bigint() }}) as still_open,
    cast(100.0 * sum(case when is_auto_resolved then 1 else 0 end) / count(*) as {{ double() }})
        as auto_resolution_rate_pct,
    cast(sum(case when severity in ('critical', 'high') then 1 else 0 end) as {{ dbt.type_bigint() }})
        as critical_or_high,
    cast(count(distinct entity_id) as {{ dbt.type_bigint() }}) as records,
    cast(count(distinct user_id) as {{ dbt.type_bigint() }}) as users,
    cast(
        percentile_cont(0.5) within group (
            order by case when is_settled_later then {{ seconds_between('created_at', 'resolved_at') }} / 3600 end
        ) as {{ double() }}
    ) as median_hours_to_settle
from conflicts
group by tenant_id, week_at, entity_type, resolution_strategy, is_shadow
