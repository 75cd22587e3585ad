{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Edits that were open at each question, as far as its answer had seen them. -#}

{{ open_edits('moment_no < 0') }}
