{{ config(materialized='incremental', unique_key='tenant_no') }}
{#- A tenant's days: stretches of its log. -#}

select
    tenants.tenant_no,
    log.day_number,
    min(log.row_no) as first_no,
    max(log.row_no) as last_no,
    max(log.visible_at) as last_visible_at,
    tenants.is_mapped_time
from {{ of_open_days(ref('int_log'), 'row_no') }} as log
inner join {{ ref('int_tenants') }} as tenants on {{ shift_right('log.row_no', 40) }} = tenants.tenant_no
group by tenants.tenant_no, log.day_number, tenants.is_mapped_time
