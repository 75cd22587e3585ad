{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Running figures of the record as of each moment. -#}

{{ figures_at_moments(
    ref('int_record_events'), ref('int_record_days'), 'record_no',
    {'record_events': 'record_event_number', 'record_touches': 'record_touches'},
    {'record_no': 'record_no', 'record_first_event_at': 'record_first_event_at', 'record_event_no': 'event_no'}
) }}
