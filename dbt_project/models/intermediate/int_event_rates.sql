{#-
  What had conflicted up to each event: on its record, of its type, of its tenant. Counted are timed events, which were
  edited before they were received: of others nobody knows when they began, and few of them can conflict.
-#}

with events as (

    select
        event_no,
        {{ shift_right('event_no', 40) }} as tenant_no,
        type_no,
        record_no,
        record_event_number,
        {{ micros('received_at') }} as received_us,
        case when edited_at < received_at then 1 else 0 end as timed,
        case when edited_at < received_at and is_conflicted then 1 else 0 end as conflicted
    from {{ ref('int_events') }}

)

select
    event_no,
    tenant_no,
    type_no,
    record_no,
    record_event_number,
    max(received_us) over by_record as record_received_us,
    cast(sum(conflicted) over by_record as {{ dbt.type_bigint() }}) as record_conflicts,
    cast(sum(timed) over by_type as {{ dbt.type_bigint() }}) as type_timed,
    cast(sum(conflicted) over by_type as {{ dbt.type_bigint() }}) as type_conflicts,
    cast(sum(timed) over by_tenant as {{ dbt.type_bigint() }}) as tenant_timed,
    cast(sum(conflicted) over by_tenant as {{ dbt.type_bigint() }}) as tenant_conflicts
from events
window
    by_record as {{ up_to_here(['record_no'], ['event_no']) }},
    by_type as {{ up_to_here(['type_no'], ['event_no']) }},
    by_tenant as {{ up_to_here(['tenant_no'], ['event_no']) }}
