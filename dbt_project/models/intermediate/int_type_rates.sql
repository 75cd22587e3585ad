-- depends_on: {{ ref('int_days') }}
{{ config(materialized='incremental', unique_key='event_no') }}
{#- Timed events of each entity type, and how many of them had conflicted up to each. -#}

{{ running_rates('type') }}
