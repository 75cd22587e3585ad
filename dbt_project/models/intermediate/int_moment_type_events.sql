{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Running figures of the entity type as of each moment. -#}

{{ figures_at_moments(
    ref('int_type_events'), ref('int_type_days'), 'type_no',
    {'type_events': 'type_event_number', 'type_low_touches': 'type_low_touches', 'type_high_touches': 'type_high_touches'}
) }}
