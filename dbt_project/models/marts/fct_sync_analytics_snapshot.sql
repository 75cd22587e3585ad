{#- One row per tenant and UTC hour in which something was pushed: what the dashboard reads. -#}

with requests as (

    select
        tenant_id,
        {{ utc_hour('received_at') }} as hour_at,
        count(*) as total_requests,
        sum(case when status = 'failed' then 0 else 1 end) as successful_requests,
        sum(case when status = 'failed' then 1 else 0 end) as failed_requests,
        avg(duration_ms) as avg_duration_ms,
        percentile_cont(0.95) within group (order by duration_ms) as p95_duration_ms,
        avg(item_count) as avg_items,
        sum(bytes_in + bytes_out) as bytes_synced,
        sum(bytes_saved_delta) as bytes_saved_delta,
        sum(bytes_saved_delta + bytes_saved_compression) as bytes_saved,
        count(distinct device_id) as unique_devices,
        count(distinct user_id) as unique_users
    from {{ ref('stg_sync__requests') }}
    group by 1, 2

),

-- conflicts that really took part: a shadow policy's are what would have been, a window's stopped nothing
conflicts as (

    select
        tenant_id,
        event_id,
        max(case when is_auto_resolved then 1 else 0 end) as is_auto_resolved
    from {{ ref('stg_sync__conflicts') }}
    where detection = 'version' and not is_shadow
    group by 1, 2

),

by_type as (

    select
        changes.tenant_id,
        {{ utc_hour('changes.received_at') }} as hour_at,
        changes.entity_type,
        count(*) as changes,
        count(conflicts.event_id) as conflicts,
        coalesce(sum(conflicts.is_auto_resolved), 0) as auto_resolved
    from {{ ref('stg_sync__changes') }} as changes
    left join conflicts
        on changes.tenant_id = conflicts.tenant_id and changes.event_id = conflicts.event_id
    group by 1, 2, 3

),

change_hours as (

    select
        tenant_id,
        hour_at,
        sum(changes) as changes,
        sum(conflicts) as conflicts,
        sum(auto_resolved) as auto_resolved,
        {{ json_object_agg('entity_type', json_object("'changes'", 'changes', "'conflicts'", 'conflicts')) }} as by_entity_type
    from by_type
    group by 1, 2

)

select
    requests.tenant_id,
    requests.hour_at,
    cast(requests.total_requests as {{ dbt.type_bigint() }}) as total_requests,
    cast(requests.successful_requests as {{ dbt.type_bigint() }}) as successful_requests,
    cast(requests.failed_requests as {{ dbt.type_bigint() }}) as failed_requests,
    cast(requests.avg_duration_ms as {{ double() }}) as avg_duration_ms,
    cast(requests.p95_duration_ms as {{ double() }}) as p95_duration_ms,
    cast(requests.avg_items as {{ double() }}) as avg_items,
    cast(coalesce(change_hours.changes, 0) as {{ dbt.type_bigint() }}) as total_changes,
    cast(coalesce(change_hours.conflicts, 0) as {{ dbt.type_bigint() }}) as total_conflicts,
    cast(coalesce(change_hours.auto_resolved, 0) as {{ dbt.type_bigint() }}) as auto_resolved_conflicts,
    cast(coalesce(change_hours.conflicts - change_hours.auto_resolved, 0) as {{ dbt.type_bigint() }}) as manual_conflicts,
    -- of the changes that took part; none took part: no rate
    cast(100.0 * change_hours.conflicts / nullif(change_hours.changes, 0) as {{ double() }}) as conflict_rate_pct,
    cast(requests.bytes_synced as {{ dbt.type_bigint() }}) as bytes_synced,
    cast(requests.bytes_saved_delta as {{ dbt.type_bigint() }}) as bytes_saved_delta,
    cast(requests.bytes_saved as {{ dbt.type_bigint() }}) as bytes_saved,
    cast(
        100.0 * requests.bytes_saved / nullif(requests.bytes_synced + requests.bytes_saved, 0) as {{ double() }}
    ) as bandwidth_efficiency_pct,
    cast(requests.unique_devices as {{ dbt.type_bigint() }}) as unique_devices,
    cast(requests.unique_users as {{ dbt.type_bigint() }}) as unique_users,
    coalesce(change_hours.by_entity_type, '{}') as by_entity_type
from requests
left join change_hours
    on requests.tenant_id = change_hours.tenant_id and requests.hour_at = change_hours.hour_at
