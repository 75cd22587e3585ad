{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Events of the record in the time before each moment. -#}

{{ recent_at_moments('record_events', '1', ref('int_moment_record_events'), var('record_event_days')) }}
