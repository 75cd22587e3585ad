{{ config(materialized='incremental', unique_key='moment_no') }}
{#- Pushes of the user as of each moment. -#}

{{ figures_at_moments(
    ref('int_pushes'), ref('int_pushes'), 'user_no',
    {'user_pushes': 'user_pushes', 'user_conflicted': 'user_conflicted', 'user_open_log': 'user_open_log'}
) }}
