{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Pushes of the tenant as of each moment. -#}

{{ figures_at_moments(
    ref('int_pushes'), ref('int_pushes'), 'tenant_no',
    {
        'tenant_pushes': 'tenant_pushes', 'tenant_conflicted': 'tenant_conflicted',
        'recent_pushes': 'recent_pushes', 'recent_conflicted': 'recent_conflicted', 'recent_open_log': 'recent_open_log'
    }
) }}
