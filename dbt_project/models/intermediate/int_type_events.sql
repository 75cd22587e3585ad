-- depends_on: {{ ref('int_days') }}
{{ config(materialized='incremental', unique_key='event_no') }}
{#- Running figures of entity types, and what of a type's first twelve fields its last events touched. -#}

{% set last = var('overlap_type_events') %}

with events as (

    select
        event_no,
        type_no,
        low_touches,
        high_touches,
        day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers

),

{% if is_day_build() %}

-- the last before the open days, as many as the first in them looks back at
before as (

    select
        kept.event_no,
        kept.type_no,
        numbers.low_touches,
        numbers.high_touches,
        kept.day_number,
        kept.type_event_number
    from {{ this }} as kept
    inner join {{ ref('int_event_numbers') }} as numbers
        on
            kept.event_no = numbers.event_no
            and kept.day_number = numbers.day_number
    inner join (
        select
            days.type_no,
            days.day_number,
            lasts.event_no as to_no,
            lasts.type_event_number - {{ last - 1 }} as above_number
        from {{ as_left('int_type_days') }} as days
        inner join {{ last_before(as_left('int_type_days'), ['type_no'], 'events', open_from()) }} as lasts
            on
                days.type_no = lasts.type_no
                and days.event_no <= lasts.event_no
                and days.type_event_number > lasts.type_event_number - {{ last - 1 }}
    ) as days
        on
            kept.type_no = days.type_no
            and kept.day_number = days.day_number
            and kept.event_no <= days.to_no
            and kept.type_event_number > days.above_number

),

numbers_before as (

    select
        type_no,
        min(type_event_number) - 1 as events
    from before
    group by type_no

),

in_order as (

    select
        *,
        true as is_open
    from events
    union all
    select
        event_no,
        type_no,
        low_touches,
        high_touches,
        day_number,
        false
    from before

),

{% endif %}

counted as (

    select
        *,
        row_number() over by_type as type_number,
        sum(low_touches) over last_of_type as type_low_touches,
        sum(high_touches) over last_of_type as type_high_touches,
        {{ ends_a_day(['type_no'], ['event_no']) }} as ends_day
    from {{ 'in_order' if is_day_build() else 'events' }}
    window
        by_type as {{ up_to_here(['type_no'], ['event_no']) }},
        last_of_type as (partition by type_no order by event_no rows between {{ last - 1 }} preceding and current row)

)

select
    counted.event_no,
    counted.type_no,
    {% if is_day_build() %}
    counted.type_number + coalesce(numbers_before.events, 0) as type_event_number,
    {% else %}
    counted.type_number as type_event_number,
    {% endif %}
    cast(counted.type_low_touches as {{ dbt.type_bigint() }}) as type_low_touches,
    cast(counted.type_high_touches as {{ dbt.type_bigint() }}) as type_high_touches,
    counted.ends_day,
    counted.day_number
from counted
{% if is_day_build() %}
left join numbers_before on counted.type_no = numbers_before.type_no
where counted.is_open
{% endif %}
