{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Conflicts of the record as of each moment. -#}

{{ figures_at_moments(
    ref('int_record_rates'), ref('int_record_rates'), 'record_no',
    {'record_conflicts': 'record_conflicts'}
) }}
