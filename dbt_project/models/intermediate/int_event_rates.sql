-- depends_on: {{ ref('int_days') }}
{{ config(materialized='incremental', unique_key='event_no') }}
{#-
  What had conflicted up to each event: on its record, of its type, of its tenant. Counted are timed events, which were
  edited before they were received: of others nobody knows when they began, and few of them can conflict.
-#}

with events as (

    select
        numbers.event_no,
        {{ shift_right('numbers.event_no', 40) }} as tenant_no,
        numbers.type_no,
        numbers.record_no,
        record_events.record_event_number,
        numbers.day_number,
        {{ micros('numbers.received_at') }} as received_us,
        case when numbers.edited_at < numbers.received_at then 1 else 0 end as timed,
        case when numbers.edited_at < numbers.received_at and numbers.is_conflicted then 1 else 0 end as conflicted
    from {{ of_open_days(ref('int_event_numbers'), 'event_no') }} as numbers
    inner join {{ of_open_days(ref('int_record_events'), 'event_no') }} as record_events on numbers.event_no = record_events.event_no

),

{% if is_day_build() %}

before as (

    {% for kind in ['record', 'type', 'tenant'] %}
    select
        '{{ kind }}' as kind,
        {{ kind }}_no as key_no,
        record_received_us,
        record_conflicts,
        type_timed,
        type_conflicts,
        tenant_timed,
        tenant_conflicts
    from {{ last_before(this, [kind ~ '_no'], 'events', open_from()) }} as lasts
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

{% else %}

before as (

    select
        'record' as kind,
        event_no as key_no,
        received_us as record_received_us,
        event_no as record_conflicts,
        event_no as type_timed,
        event_no as type_conflicts,
        event_no as tenant_timed,
        event_no as tenant_conflicts
    from events
    where false

),

{% endif %}

counted as (

    select
        *,
        {{ running_max('received_us', 'by_record') }} as last_received_us,
        {{ running_sum('conflicted', 'by_record') }} as conflicts_of_record,
        {{ running_sum('timed', 'by_type') }} as timed_of_type,
        {{ running_sum('conflicted', 'by_type') }} as conflicts_of_type,
        {{ running_sum('timed', 'by_tenant') }} as timed_of_tenant,
        {{ running_sum('conflicted', 'by_tenant') }} as conflicts_of_tenant
    from events
    window
        by_record as {{ up_to_here(['record_no'], ['event_no']) }},
        by_type as {{ up_to_here(['type_no'], ['event_no']) }},
        by_tenant as {{ up_to_here(['tenant_no'], ['event_no']) }}

)

select
    counted.event_no,
    counted.tenant_no,
    counted.type_no,
    counted.record_no,
    counted.record_event_number,
    counted.conflicted,
    greatest(counted.last_received_us, of_record.record_received_us) as record_received_us,
    counted.conflicts_of_record + coalesce(of_record.record_conflicts, 0) as record_conflicts,
    counted.timed_of_type + coalesce(of_type.type_timed, 0) as type_timed,
    counted.conflicts_of_type + coalesce(of_type.type_conflicts, 0) as type_conflicts,
    counted.timed_of_tenant + coalesce(of_tenant.tenant_timed, 0) as tenant_timed,
    counted.conflicts_of_tenant + coalesce(of_tenant.tenant_conflicts, 0) as tenant_conflicts,
    counted.day_number
from counted
left join before as of_record on of_record.kind = 'record' and counted.record_no = of_record.key_no
left join before as of_type on of_type.kind = 'type' and counted.type_no = of_type.key_no
left join before as of_tenant on of_tenant.kind = 'tenant' and counted.tenant_no = of_tenant.key_no
