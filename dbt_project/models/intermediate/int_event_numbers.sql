{#- Events in numbers: who and what as keys, and their places and running figures in the orders that features count in. -#}

with events as (

    select
        changes.tenant_id,
        changes.seq,
        {{ row_number_in('tenants.tenant_no', 'changes.seq') }} as event_no,
        records.type_no,
        records.record_no,
        users.user_no,
        changes.received_at,
        changes.is_conflicted
    from {{ ref('stg_sync__changes') }} as changes
    inner join {{ ref('int_tenants') }} as tenants on changes.tenant_id = tenants.tenant_id
    inner join {{ ref('int_records') }} as records
        on
            changes.tenant_id = records.tenant_id
            and changes.entity_type = records.entity_type
            and changes.entity_id = records.entity_id
    inner join {{ ref('int_users') }} as users
        on
            changes.tenant_id = users.tenant_id
            and changes.user_id = users.user_id
    where {{ is_event('changes.outcome') }}

)

select
    tenant_id,
    seq,
    event_no,
    type_no,
    record_no,
    user_no,
    received_at,
    row_number() over by_type as type_event_number,
    row_number() over by_record as record_event_number,
    min(received_at) over by_record as record_first_event_at,
    row_number() over by_record_and_user as own_event_number,
    max(received_at) over by_record_and_user as own_last_event_at,
    row_number() over by_user as user_event_number,
    cast(sum(case when is_conflicted then 1 else 0 end) over by_user as {{ dbt.type_bigint() }}) as user_conflicts
from events
window
    by_type as {{ up_to_here(['type_no'], ['event_no']) }},
    by_record as {{ up_to_here(['record_no'], ['event_no']) }},
    by_record_and_user as {{ up_to_here(['record_no', 'user_no'], ['event_no']) }},
    by_user as {{ up_to_here(['user_no'], ['event_no']) }}
