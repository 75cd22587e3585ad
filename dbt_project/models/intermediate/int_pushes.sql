{#-
  Timed pushes: requests with an event that was edited before it was received. Each with the running figures of its
  tenant and its user, those of the tenant's last ones among them. Open times are logarithms in whole numbers of 2^-32,
  so that sums have one value in whatever order.
-#}

{% set last = var('recent_pushes') %}

with pushes as (

    select
        max(event_no) as push_no,
        max(user_no) as user_no,
        max(case when is_conflicted then 1 else 0 end) as conflicted,
        {{ seconds_between('min(edited_at)', 'max(received_at)') }} as open_seconds
    from {{ ref('int_events') }}
    where edited_at < received_at
    group by tenant_id, sync_id

),

measured as (

    select
        push_no,
        {{ shift_right('push_no', 40) }} as tenant_no,
        user_no,
        conflicted,
        cast(
            round(ln(cast(case when open_seconds > 60 then open_seconds else 60 end as {{ double() }})) * {{ 2 ** 32 }})
            as {{ dbt.type_bigint() }}
        ) as open_log
    from pushes

),

counted as (

    select
        push_no,
        tenant_no,
        user_no,
        row_number() over by_tenant as tenant_pushes,
        cast(sum(conflicted) over by_tenant as {{ dbt.type_bigint() }}) as tenant_conflicted,
        cast(sum(open_log) over by_tenant as {{ dbt.type_bigint() }}) as tenant_open_log,
        row_number() over by_user as user_pushes,
        cast(sum(conflicted) over by_user as {{ dbt.type_bigint() }}) as user_conflicted,
        cast(sum(open_log) over by_user as {{ dbt.type_bigint() }}) as user_open_log
    from measured
    window
        by_tenant as {{ up_to_here(['tenant_no'], ['push_no']) }},
        by_user as {{ up_to_here(['user_no'], ['push_no']) }}

)

select
    push_no,
    tenant_no,
    user_no,
    tenant_pushes,
    tenant_conflicted,
    least(tenant_pushes, {{ last }}) as recent_pushes,
    tenant_conflicted - coalesce(lag(tenant_conflicted, {{ last }}) over so_far, 0) as recent_conflicted,
    tenant_open_log - coalesce(lag(tenant_open_log, {{ last }}) over so_far, 0) as recent_open_log,
    user_pushes,
    user_conflicted,
    user_open_log
from counted
window so_far as (partition by tenant_no order by push_no)
