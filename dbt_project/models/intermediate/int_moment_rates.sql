{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Histories of record, type, tenant and user, read at each moment's as_of_seq. -#}

select
    recent_events.moment_no,
    recent_events.record_events,
    recent_conflicts.record_conflicts,
    type_rates.type_timed,
    type_rates.type_conflicts,
    tenant_rates.tenant_timed,
    tenant_rates.tenant_conflicts,
    tenant_pushes.tenant_pushes,
    tenant_pushes.tenant_conflicted,
    tenant_pushes.recent_pushes,
    tenant_pushes.recent_conflicted,
    tenant_pushes.recent_open_log,
    user_pushes.user_pushes,
    user_pushes.user_conflicted,
    user_pushes.user_open_log,
    recent_events.day_number
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
