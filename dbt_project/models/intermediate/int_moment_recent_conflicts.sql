{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Conflicts of the record in the time before each moment. -#}

{{ recent_at_moments('record_conflicts', 'rates.conflicted', ref('int_moment_record_conflicts'), var('record_conflict_days')) }}
