{#-
  Running counts of timed events of a kind, those of a `type` or of a `tenant`: which were edited before they were received. Of others nobody
  knows when they began, and few of them can conflict.
-#}
{% macro running_rates(kind) -%}
{%- set key = kind ~ '_no' -%}

with events as (

    select
        event_no,
        {{ 'type_no' if kind == 'type' else shift_right('event_no', 40) ~ ' as tenant_no' }},
        case when is_conflicted then 1 else 0 end as conflicted,
        day_number
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers
    where edited_at < received_at

),

before as (

    {% if is_day_build() %}
    select
        {{ key }},
        {{ kind }}_timed as timed,
        {{ kind }}_conflicts as conflicts
    from {{ last_before(this, [key], 'events', open_from()) }} as lasts
    {% else %}
    {{ no_rows([key, 'timed', 'conflicts']) }}
    {% endif %}

),

counted as (

    select
        event_no,
        {{ key }},
        day_number,
        row_number() over so_far as timed,
        {{ running_sum('conflicted', 'so_far') }} as conflicts
    from events
    window so_far as {{ up_to_here([key], ['event_no']) }}

)

select
    counted.event_no,
    counted.{{ key }},
    counted.timed + coalesce(before.timed, 0) as {{ kind }}_timed,
    counted.conflicts + coalesce(before.conflicts, 0) as {{ kind }}_conflicts,
    counted.day_number
from counted
left join before on counted.{{ key }} = before.{{ key }}
{%- endmacro %}

{#-
  How much of a running figure of records falls into the days before each moment: what there is of it, which `of_moments` says, less what
  there was when those days began. `of_event` is how much of it an event is itself. An import's old rows count as received with those before them.
-#}
{% macro recent_at_moments(figure, of_event, of_moments, days) -%}
with moments as (

    select
        moment_no,
        record_no,
        {{ micros('asked_at') }} - {{ days * 86400000000 }} as from_us,
        day_number
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments

),

{% if is_day_build() %}

-- how far back the moments of each record look
looked_from as (

    select
        record_no,
        min(from_us) as from_us
    from moments
    group by record_no

),

events as (

    select
        rates.record_no,
        rates.event_no,
        rates.record_received_us,
        rates.{{ figure }},
        {{ of_event }} as of_event
    from {{ ref('int_record_rates') }} as rates
    inner join looked_from
        on
            rates.record_no = looked_from.record_no
            and rates.record_received_us > looked_from.from_us

),

{% endif %}

received as (

    select
        record_no,
        record_received_us,
        {{ figure }},
        lead(record_received_us) over (partition by record_no order by event_no) as next_us
    from {{ 'events' if is_day_build() else ref('int_record_rates') }}

),

former as (

    -- of all that a record received at one instant, the last
    select
        record_no,
        record_received_us,
        {{ figure }} as former_figure
    from received
    where next_us is null or next_us > record_received_us
    {% if is_day_build() %}
    union all
    -- before the first that is looked at; where there is none, all
    select
        looked_from.record_no,
        looked_from.from_us,
        coalesce(min(events.{{ figure }} - events.of_event), {{ seqs_of_a_tenant() }})
    from looked_from
    left join events on looked_from.record_no = events.record_no
    group by looked_from.record_no, looked_from.from_us
    {% endif %}

),

found as (

    {{ as_of('moments', ['moment_no', 'day_number'], 'from_us', 'former', ['former_figure'], 'record_received_us', ['record_no']) }}

)

select
    found.moment_no,
    -- what has yet to be seen may be as old
    greatest(so_far.{{ figure }} - coalesce(found.former_figure, 0), 0) as {{ figure }},
    found.day_number
from found
inner join {{ of_open_days(of_moments, 'moment_no') }} as so_far on found.moment_no = so_far.moment_no
{%- endmacro %}
