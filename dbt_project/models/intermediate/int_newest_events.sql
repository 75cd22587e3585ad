{{ config(
    materialized='incremental', unique_key='event_no',
    incremental_predicates=['kept.kind = given.kind', 'kept.key_no = given.key_no', 'kept.user_no = given.user_no'],
) }}
{#- The newest event of every record, user of a record, user and type: from where the next day counts on. -#}

{% set orders = {
    'record': ['record_no', '0'],
    'own': ['record_no', 'user_no'],
    'user': ['user_no', '0'],
    'type': ['type_no', '0'],
} %}

{% for kind, keys in orders.items() %}
select
    '{{ kind }}' as kind,
    {{ keys[0] }} as key_no,
    cast({{ keys[1] }} as {{ dbt.type_bigint() }}) as user_no,
    max(event_no) as event_no,
    max(day_number) as day_number
from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as events
group by 1, 2, 3
{{ 'union all' if not loop.last }}
{% endfor %}
