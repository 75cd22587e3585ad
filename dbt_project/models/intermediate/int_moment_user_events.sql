{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Running figures of the user as of each moment. -#}

{{ figures_at_moments(
    ref('int_user_events'), ref('int_user_days'), 'user_no',
    {'user_events': 'user_event_number', 'user_conflicts': 'user_conflicts'}
) }}
