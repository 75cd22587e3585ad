{#- Running figures of the user, the record and the entity type, read at each moment's as_of_seq. -#}

with timeline as (

    select
        tenant_id,
        entity_type,
        entity_id,
        user_id,
        cast(null as {{ dbt.type_string() }}) as moment_id,
        seq as position,
        0 as is_moment,
        received_at,
        1 as is_event,
        case when is_conflicted then 1 else 0 end as is_conflict
    from {{ ref('int_events') }}
    union all
    select
        tenant_id,
        entity_type,
        entity_id,
        user_id,
        moment_id,
        as_of_seq,
        1,
        null,
        0,
        0
    from {{ ref('int_moments') }}

),

running as (

    -- at the same position an event sorts before a moment: seq <= as_of_seq
    select
        tenant_id,
        moment_id,
        is_moment,
        sum(is_event) over by_user as user_events,
        sum(is_conflict) over by_user as user_conflicts,
        sum(is_event) over by_record as record_events,
        min(received_at) over by_record as record_first_event_at,
        sum(is_event) over by_record_and_user as own_record_events,
        max(received_at) over by_record_and_user as own_last_event_at,
        sum(is_event) over by_type as type_events
    from timeline
    window
        by_user as {{ up_to_here(['tenant_id', 'user_id'], ['position', 'is_moment']) }},
        by_record as {{ up_to_here(['tenant_id', 'entity_type', 'entity_id'], ['position', 'is_moment']) }},
        by_record_and_user as {{ up_to_here(['tenant_id', 'entity_type', 'entity_id', 'user_id'], ['position', 'is_moment']) }},
        by_type as {{ up_to_here(['tenant_id', 'entity_type'], ['position', 'is_moment']) }}

)

select
    tenant_id,
    moment_id,
    cast(user_events as {{ dbt.type_bigint() }}) as user_events,
    cast(user_conflicts as {{ dbt.type_bigint() }}) as user_conflicts,
    cast(record_events as {{ dbt.type_bigint() }}) as record_events,
    record_first_event_at,
    cast(own_record_events as {{ dbt.type_bigint() }}) as own_record_events,
    own_last_event_at,
    cast(type_events as {{ dbt.type_bigint() }}) as type_events
from running
where is_moment = 1
