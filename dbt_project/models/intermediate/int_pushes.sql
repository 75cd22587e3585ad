{{ config(materialized='incremental', unique_key='event_no') }}
{#-
  Timed pushes: requests with an event that was edited before it was received. Each with the running figures of its
  tenant and its user, those of the tenant's last ones among them. Open times are logarithms in whole numbers of 2^-32,
  so that sums have one value in whatever order.
-#}

{% set last = var('recent_pushes') %}

with pushes as (

    select
        max(numbers.event_no) as event_no,
        max(numbers.user_no) as user_no,
        max(numbers.day_number) as day_number,
        max(case when numbers.is_conflicted then 1 else 0 end) as conflicted,
        {{ seconds_between('min(numbers.edited_at)', 'max(numbers.received_at)') }} as open_seconds
    from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
    inner join {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers on changes.row_no = numbers.event_no
    where numbers.edited_at < numbers.received_at
    group by {{ shift_right('changes.row_no', 40) }}, changes.sync_id

),

measured as (

    select
        event_no,
        {{ shift_right('event_no', 40) }} as tenant_no,
        user_no,
        day_number,
        conflicted,
        cast(
            round(ln(cast(case when open_seconds > 60 then open_seconds else 60 end as {{ double() }})) * {{ 2 ** 32 }})
            as {{ dbt.type_bigint() }}
        ) as open_log
    from pushes

),

held as (

    {% if is_day_build() %}
    select * from {{ of_closed_days(this, 'event_no') }} as closed
    {% else %}
    select
        event_no,
        tenant_no,
        user_no,
        event_no as tenant_pushes,
        event_no as tenant_conflicted,
        event_no as tenant_open_log,
        event_no as user_pushes,
        event_no as user_conflicted,
        event_no as user_open_log
    from measured
    where false
    {% endif %}

),

-- where the open days count on from: running figures only grow, and those of logarithms above 1 do too
before_tenant as (

    select
        tenant_no,
        max(tenant_pushes) as tenant_pushes,
        max(tenant_conflicted) as tenant_conflicted,
        max(tenant_open_log) as tenant_open_log
    from held
    group by tenant_no

),

before_user as (

    select
        user_no,
        max(user_pushes) as user_pushes,
        max(user_conflicted) as user_conflicted,
        max(user_open_log) as user_open_log
    from held
    group by user_no

),

counted as (

    select
        *,
        row_number() over by_tenant as pushes_of_tenant,
        sum(conflicted) over by_tenant as conflicted_of_tenant,
        sum(open_log) over by_tenant as open_log_of_tenant,
        row_number() over by_user as pushes_of_user,
        {{ running_sum('conflicted', 'by_user') }} as conflicted_of_user,
        {{ running_long_sum('open_log', 'by_user') }} as open_log_of_user
    from measured
    window
        by_tenant as {{ up_to_here(['tenant_no'], ['event_no']) }},
        by_user as {{ up_to_here(['user_no'], ['event_no']) }}

),

totalled as (

    select
        counted.event_no,
        counted.tenant_no,
        counted.user_no,
        counted.day_number,
        counted.pushes_of_tenant + coalesce(before_tenant.tenant_pushes, 0) as tenant_pushes,
        cast(counted.conflicted_of_tenant + coalesce(before_tenant.tenant_conflicted, 0) as {{ dbt.type_bigint() }}) as tenant_conflicted,
        cast(counted.open_log_of_tenant + coalesce(before_tenant.tenant_open_log, 0) as {{ dbt.type_bigint() }}) as tenant_open_log,
        counted.pushes_of_user + coalesce(before_user.user_pushes, 0) as user_pushes,
        cast(counted.conflicted_of_user + coalesce(before_user.user_conflicted, 0) as {{ dbt.type_bigint() }}) as user_conflicted,
        cast(counted.open_log_of_user + coalesce(before_user.user_open_log, 0) as {{ dbt.type_bigint() }}) as user_open_log
    from counted
    left join before_tenant on counted.tenant_no = before_tenant.tenant_no
    left join before_user on counted.user_no = before_user.user_no

),

-- the last before the open days are looked back at by the first in them
in_order as (

    select
        event_no,
        tenant_no,
        tenant_conflicted,
        tenant_open_log
    from totalled
    union all
    select
        held.event_no,
        held.tenant_no,
        held.tenant_conflicted,
        held.tenant_open_log
    from held
    inner join before_tenant
        on
            held.tenant_no = before_tenant.tenant_no
            and held.tenant_pushes > before_tenant.tenant_pushes - {{ last }}

),

looked_back as (

    select
        event_no,
        tenant_conflicted - coalesce(lag(tenant_conflicted, {{ last }}) over so_far, 0) as recent_conflicted,
        tenant_open_log - coalesce(lag(tenant_open_log, {{ last }}) over so_far, 0) as recent_open_log
    from in_order
    window so_far as (partition by tenant_no order by event_no)

)

select
    totalled.event_no,
    totalled.tenant_no,
    totalled.user_no,
    totalled.tenant_pushes,
    totalled.tenant_conflicted,
    totalled.tenant_open_log,
    least(totalled.tenant_pushes, {{ last }}) as recent_pushes,
    looked_back.recent_conflicted,
    looked_back.recent_open_log,
    totalled.user_pushes,
    totalled.user_conflicted,
    totalled.user_open_log,
    totalled.day_number
from totalled
inner join looked_back on totalled.event_no = looked_back.event_no
