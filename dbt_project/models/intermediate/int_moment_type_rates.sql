{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Timed events of the entity type as of each moment. -#}

{{ figures_at_moments(
    ref('int_type_rates'), ref('int_type_rates'), 'type_no',
    {'type_timed': 'type_timed', 'type_conflicts': 'type_conflicts'}
) }}
