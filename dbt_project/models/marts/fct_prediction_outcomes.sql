{#-
  Each prediction with what happened: the first event after it that names it; else the first of the edit that it was
  asked about; else the user's next one on the record, if it comes while an edit may still be open.
-#}

with predictions as (

    select * from {{ ref('stg_sync__predictions') }}

),

-- a prediction stands behind the rows that it had seen, and before the first that it had not
timeline as (

    select
        tenant_id,
        entity_type,
        entity_id,
        user_id,
        edit_id,
        as_of_seq as position,
        1 as is_prediction,
        prediction_id,
        cast(null as {{ dbt.type_bigint() }}) as seq
    from predictions
    union all
    select
        tenant_id,
        entity_type,
        entity_id,
        user_id,
        edit_id,
        seq as position,
        0,
        null,
        seq
    from {{ ref('int_events') }}

),

next_events as (

    select
        tenant_id,
        prediction_id,
        is_prediction,
        case when edit_id is not null then min(seq) over {{ from_here_on(
            ['tenant_id', 'entity_type', 'entity_id', 'user_id', 'edit_id'], ['position', 'is_prediction']
        ) }} end as edit_seq,
        min(seq) over {{ from_here_on(
            ['tenant_id', 'entity_type', 'entity_id', 'user_id'], ['position', 'is_prediction']
        ) }} as record_seq
    from timeline

),

named as (

    -- what a client names is believed of its own user's changes
    select
        changes.tenant_id,
        changes.prediction_id,
        changes.user_id,
        min(changes.seq) as named_seq
    from {{ ref('stg_sync__changes') }} as changes
    inner join {{ ref('int_events') }} as events
        on changes.tenant_id = events.tenant_id and changes.event_id = events.event_id
    where changes.prediction_id is not null
    group by changes.tenant_id, changes.prediction_id, changes.user_id

),

followed as (

    select
        predictions.*,
        case
            when named.named_seq is not null then 'prediction'
            when next_events.edit_seq is not null then 'edit'
            else 'record'
        end as matching,
        coalesce(named.named_seq, next_events.edit_seq, next_events.record_seq) as next_seq
    from predictions
    inner join next_events
        on
            predictions.tenant_id = next_events.tenant_id
            and predictions.prediction_id = next_events.prediction_id
            and next_events.is_prediction = 1
    left join named
        on
            predictions.tenant_id = named.tenant_id
            and predictions.prediction_id = named.prediction_id
            and predictions.user_id = named.user_id
            and predictions.as_of_seq < named.named_seq

)

select
    followed.tenant_id,
    followed.prediction_id,
    followed.asked_at,
    followed.user_id,
    followed.entity_type,
    followed.entity_id,
    followed.moment,
    followed.model_type,
    followed.model_version,
    followed.conflict_probability,
    followed.threshold,
    followed.predicted_conflict,
    followed.arm,
    case when events.seq is not null then followed.matching end as matched_by,
    cast(events.event_id as {{ dbt.type_string() }}) as event_id,
    events.received_at as event_received_at,
    events.is_conflicted as conflict_occurred
from followed
left join {{ ref('int_events') }} as events
    on
        followed.tenant_id = events.tenant_id
        and followed.next_seq = events.seq
        and (
            followed.matching <> 'record'
            or events.received_at < {{ plus_seconds('followed.asked_at', var('edit_open_max_seconds')) }}
        )
