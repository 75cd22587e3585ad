{{ config(materialized='incremental', unique_key='event_no') }}
{#- Events in numbers: who and what as keys, and their places and running figures in the orders that features count in. -#}

{% set orders = {
    'record': ['record_no'],
    'own': ['record_no', 'user_no'],
    'user': ['user_no'],
    'type': ['type_no'],
} %}
{% set last_of_type = var('overlap_type_events') %}

with events as (

    select
        changes.row_no as event_no,
        changes.day_number,
        records.type_no,
        records.record_no,
        users.user_no,
        changes.received_at,
        changes.visible_at,
        changes.is_conflicted,
        changes.new_version,
        coalesce(field_sets.touches, 0) as touches,
        coalesce(field_sets.low_touches, 0) as low_touches,
        coalesce(field_sets.high_touches, 0) as high_touches
    from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
    inner join {{ ref('int_records') }} as records
        on
            changes.tenant_id = records.tenant_id
            and changes.entity_type = records.entity_type
            and changes.entity_id = records.entity_id
    inner join {{ ref('int_users') }} as users
        on
            changes.tenant_id = users.tenant_id
            and changes.user_id = users.user_id
    left join {{ ref('int_field_sets') }} as field_sets
        on
            records.type_no = field_sets.type_no
            and changes.fields = field_sets.fields
            and field_sets.word = 0
    where {{ is_event('changes.outcome') }}

),

{#- The last event of each key before the open days: the one before the first in them, as they were written last; else the newest. -#}
{% if is_day_build() %}

written as (

    select * from {{ of_open_days(this, 'event_no') }} as held

),

newest as (

    select * from {{ of_closed_days(as_left('int_newest_events'), 'event_no') }} as held

),

{% for name, keys in orders.items() %}
last_of_{{ name }} as (

    select
        asked.*,
        case when before.is_written then before.event_no else newest.event_no end as event_no
    from (select distinct {{ keys | join(', ') }} from events) as asked
    left join (
        select
            {{ keys | join(', ') }},
            true as is_written,
            -- null: none before it
            case when count(*) = count({{ name }}_previous_no) then min({{ name }}_previous_no) end as event_no
        from written
        group by {{ keys | join(', ') }}
    ) as before
        on
            {% for key in keys %}asked.{{ key }} = before.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    left join newest
        on
            newest.kind = '{{ name }}'
            and asked.{{ keys[0] }} = newest.key_no
            {% if keys | length > 1 %}and asked.{{ keys[1] }} = newest.user_no{% endif %}

),

{% endfor %}

lasts as (

    select kept.*
    from {{ this }} as kept
    inner join (
        {% for name in orders %}
        select event_no from last_of_{{ name }}
        where event_no is not null
        {{ 'union' if not loop.last }}
        {% endfor %}
    ) as wanted on kept.event_no = wanted.event_no

),

{% endif %}

{% for name, keys in orders.items() %}
before_{{ name }} as (

    {% if is_day_build() %}
    select
        {% for key in keys %}asked.{{ key }}, {% endfor %}
        lasts.event_no,
        lasts.{{ name }}_event_number,
        lasts.record_first_event_at,
        lasts.own_last_event_at,
        lasts.user_conflicts,
        lasts.record_touches,
        lasts.own_touches
    from last_of_{{ name }} as asked
    inner join lasts on asked.event_no = lasts.event_no
    {% else %}
    select
        {% for key in keys + ['event_no', name ~ '_event_number', 'user_conflicts', 'record_touches', 'own_touches'] %}
        cast(null as {{ dbt.type_bigint() }}) as {{ key }},
        {% endfor %}
        cast(null as {{ timestamptz() }}) as record_first_event_at,
        cast(null as {{ timestamptz() }}) as own_last_event_at
    where false
    {% endif %}

),

{% endfor %}

-- what the type's last events before the open days touched, from the last one back
type_tails as (

    {% if is_day_build() %}
    select
        kept.type_no,
        row_number() over {{ from_here_on(['kept.type_no'], ['kept.event_no']) }} as events_back,
        sum(kept.low_touches) over {{ from_here_on(['kept.type_no'], ['kept.event_no']) }} as low_touches,
        sum(kept.high_touches) over {{ from_here_on(['kept.type_no'], ['kept.event_no']) }} as high_touches
    from {{ this }} as kept
    inner join before_type
        on
            kept.type_no = before_type.type_no
            and kept.event_no <= before_type.event_no
            and kept.type_event_number > before_type.type_event_number - {{ last_of_type }}
    {% else %}
    select
        type_no,
        event_no as events_back,
        event_no as low_touches,
        event_no as high_touches
    from before_type
    {% endif %}

),

counted as (

    select
        *,
        row_number() over by_record as record_number,
        lag(event_no) over (partition by record_no order by event_no) as record_previous_no,
        min(received_at) over by_record as first_event_at,
        row_number() over by_record_and_user as own_number,
        lag(event_no) over (partition by record_no, user_no order by event_no) as own_previous_no,
        max(received_at) over by_record_and_user as last_event_at,
        row_number() over by_user as user_number,
        lag(event_no) over (partition by user_no order by event_no) as user_previous_no,
        sum(case when is_conflicted then 1 else 0 end) over by_user as conflicts,
        {{ packed_sum('touches') }} over by_record as record_touched,
        {{ packed_sum('touches') }} over by_record_and_user as own_touched,
        -- last: DuckDB leaves rows in the order of its last window, and a day of few types lies in few places
        row_number() over by_type as type_number,
        lag(event_no) over (partition by type_no order by event_no) as type_previous_no,
        sum(low_touches) over last_of_type as type_low_touched,
        sum(high_touches) over last_of_type as type_high_touched
    from events
    window
        last_of_type as (partition by type_no order by event_no rows between {{ last_of_type - 1 }} preceding and current row),
        by_type as {{ up_to_here(['type_no'], ['event_no']) }},
        by_record as {{ up_to_here(['record_no'], ['event_no']) }},
        by_record_and_user as {{ up_to_here(['record_no', 'user_no'], ['event_no']) }},
        by_user as {{ up_to_here(['user_no'], ['event_no']) }}

)

select
    counted.event_no,
    counted.type_no,
    counted.record_no,
    counted.user_no,
    counted.received_at,
    counted.visible_at,
    counted.new_version,
    counted.type_number + coalesce(before_type.type_event_number, 0) as type_event_number,
    coalesce(counted.type_previous_no, before_type.event_no) as type_previous_no,
    counted.record_number + coalesce(before_record.record_event_number, 0) as record_event_number,
    coalesce(counted.record_previous_no, before_record.event_no) as record_previous_no,
    least(counted.first_event_at, before_record.record_first_event_at) as record_first_event_at,
    counted.own_number + coalesce(before_own.own_event_number, 0) as own_event_number,
    coalesce(counted.own_previous_no, before_own.event_no) as own_previous_no,
    greatest(counted.last_event_at, before_own.own_last_event_at) as own_last_event_at,
    counted.user_number + coalesce(before_user.user_event_number, 0) as user_event_number,
    coalesce(counted.user_previous_no, before_user.event_no) as user_previous_no,
    cast(counted.conflicts + coalesce(before_user.user_conflicts, 0) as {{ dbt.type_bigint() }}) as user_conflicts,
    {{ rest_of_a_word('counted.record_touched + coalesce(before_record.record_touches, 0)') }} as record_touches,
    {{ rest_of_a_word('counted.own_touched + coalesce(before_own.own_touches, 0)') }} as own_touches,
    counted.low_touches,
    counted.high_touches,
    cast(counted.type_low_touched + coalesce(type_tails.low_touches, 0) as {{ dbt.type_bigint() }}) as type_low_touches,
    cast(counted.type_high_touched + coalesce(type_tails.high_touches, 0) as {{ dbt.type_bigint() }}) as type_high_touches,
    counted.day_number
from counted
left join before_type on counted.type_no = before_type.type_no
left join before_record on counted.record_no = before_record.record_no
left join before_own on counted.record_no = before_own.record_no and counted.user_no = before_own.user_no
left join before_user on counted.user_no = before_user.user_no
left join type_tails
    on
        counted.type_no = type_tails.type_no
        and least({{ last_of_type }} - counted.type_number, before_type.type_event_number) = type_tails.events_back
