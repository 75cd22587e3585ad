{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Running figures of the user on the record as of each moment. -#}

{{ figures_at_moments(
    ref('int_record_events'), ref('int_record_days'), 'record_user_no',
    {'own_record_events': 'own_event_number', 'own_touches': 'own_touches'},
    {'record_user_no': 'record_user_no', 'own_last_event_at': 'own_last_event_at', 'own_event_no': 'event_no'}
) }}
