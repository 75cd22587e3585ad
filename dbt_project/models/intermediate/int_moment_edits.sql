{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Edits that are open at each moment of an event. -#}

{{ open_edits('moment_no > 0') }}
