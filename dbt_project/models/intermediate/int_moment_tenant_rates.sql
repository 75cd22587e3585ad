{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Timed events of the tenant as of each moment. -#}

{{ figures_at_moments(
    ref('int_tenant_rates'), ref('int_tenant_rates'), 'tenant_no',
    {'tenant_timed': 'tenant_timed', 'tenant_conflicts': 'tenant_conflicts'}
) }}
