{#-
  The moments at which features are wanted, and what the tenant's log held then. Those at which a client could have
  asked about the edit that became an event: there `as_of_seq` is the greatest seq such that it and all before it
  were received strictly before the moment. And those at which one did ask: there it is the one that the answer was logged with.
-#}

{% set moment = ['tenant_no', 'moment_no', 'asked_at', 'type_no', 'record_no', 'user_no'] %}

with starts as (

    select
        {{ shift_right('event_no', 40) }} as tenant_no,
        2 * event_no as moment_no,
        least(edited_at, received_at) as asked_at,
        type_no,
        record_no,
        user_no
    from {{ ref('int_events') }}

),

late_pushes as (

    -- When the first edit of a push was begun. All of a push is received at one instant, so where it is begun long before
    -- that, that edit is among those which were.
    select
        tenant_id,
        sync_id,
        min(edited_at) as began_at
    from {{ ref('int_events') }}
    where {{ plus_seconds('edited_at', var('edit_open_min_seconds')) }} < received_at
    group by tenant_id, sync_id

),

asked_again as (

    -- A client asks again about all that it has open, so a push has one such moment. The delay is drawn from the push's
    -- id alone: it knows nothing of when the sync will come.
    select
        tenant_id,
        sync_id,
        {{ plus_seconds('began_at', edit_open_delay('sync_id')) }} as asked_at
    from late_pushes

),

opens as (

    select
        {{ shift_right('events.event_no', 40) }} as tenant_no,
        2 * events.event_no + 1 as moment_no,
        asked_again.asked_at,
        events.type_no,
        events.record_no,
        events.user_no
    from {{ ref('int_events') }} as events
    inner join asked_again
        on
            events.tenant_id = asked_again.tenant_id
            and events.sync_id = asked_again.sync_id
    where events.edited_at <= asked_again.asked_at and asked_again.asked_at < events.received_at

),

moments as (

    select * from starts
    union all
    select * from opens

),

log as (

    select
        tenant_id,
        seq,
        received_at
    from {{ ref('stg_sync__changes') }}
    union all
    select
        tenant_id,
        seq,
        received_at
    from {{ ref('stg_sync__edit_events') }}

),

visible as (

    -- Seqs are given in the order of commits: behind a row that came later there is nothing that was there before,
    -- whenever it had been received.
    select
        tenants.tenant_no,
        log.seq,
        max(log.received_at) over {{ up_to_here(['log.tenant_id'], ['log.seq']) }} as visible_at,
        lead(log.received_at) over (partition by log.tenant_id order by log.seq) as next_at
    from log
    inner join {{ ref('int_tenants') }} as tenants on log.tenant_id = tenants.tenant_id

),

seen as (

    -- of all that became visible at one instant, the last
    select
        tenant_no,
        visible_at,
        seq as seen_seq
    from visible
    where next_at is null or next_at > visible_at

),

positioned as (

    -- what becomes visible at the very instant is not seen
    {{ as_of('moments', moment, 'asked_at', 'seen', ['seen_seq'], 'visible_at', ['tenant_no'], strictly=true) }}

),

placed as (

    select
        tenants.tenant_id,
        positioned.*,
        {{ shift_right('positioned.moment_no', 1) }} as event_no,
        coalesce(positioned.seen_seq, 0) as as_of_seq
    from positioned
    inner join {{ ref('int_tenants') }} as tenants on positioned.tenant_no = tenants.tenant_no

),

announced as (

    -- what the editor had announced by then: its own words come with the question, so those of the same instant count
    select
        placed.moment_no,
        said.tenant_id,
        max(said.seq) as announced_seq
    from placed
    inner join {{ ref('int_events') }} as events on placed.event_no = events.event_no
    inner join {{ ref('stg_sync__edit_events') }} as said
        on
            events.tenant_id = said.tenant_id
            and events.edit_id = said.edit_id
    where events.edit_id is not null and said.received_at <= placed.asked_at
    group by placed.moment_no, said.tenant_id

),

words as (

    select
        announced.moment_no,
        announced.announced_seq,
        said.fields
    from announced
    inner join {{ ref('stg_sync__edit_events') }} as said
        on
            announced.tenant_id = said.tenant_id
            and announced.announced_seq = said.seq

),

types as (

    select distinct
        tenant_id,
        entity_type,
        type_no
    from {{ ref('int_records') }}

)

select
    placed.moment_no,
    placed.tenant_id,
    placed.event_no,
    cast(null as {{ dbt.type_string() }}) as prediction_id,
    placed.asked_at,
    placed.as_of_seq,
    {{ row_number_in('placed.tenant_no', 'placed.as_of_seq') }} as as_of_no,
    placed.type_no,
    placed.record_no,
    placed.user_no,
    words.announced_seq,
    {{ array_size('words.fields') }} > 0 as is_announced
from placed
left join words on placed.moment_no = words.moment_no
union all
-- what was asked says itself when, about what it knew, and what was announced with the question
select
    -row_number() over (order by predictions.asked_at, predictions.prediction_id),
    predictions.tenant_id,
    null,
    predictions.prediction_id,
    predictions.asked_at,
    predictions.as_of_seq,
    {{ row_number_in('tenants.tenant_no', 'predictions.as_of_seq') }},
    -- 0: nothing of it in the log
    coalesce(types.type_no, 0),
    coalesce(records.record_no, 0),
    coalesce(users.user_no, 0),
    null,
    {{ array_size('predictions.announced_fields') }} > 0
from {{ ref('stg_sync__predictions') }} as predictions
left join {{ ref('int_tenants') }} as tenants on predictions.tenant_id = tenants.tenant_id
left join types
    on
        predictions.tenant_id = types.tenant_id
        and predictions.entity_type = types.entity_type
left join {{ ref('int_records') }} as records
    on
        predictions.tenant_id = records.tenant_id
        and predictions.entity_type = records.entity_type
        and predictions.entity_id = records.entity_id
left join {{ ref('int_users') }} as users
    on
        predictions.tenant_id = users.tenant_id
        and predictions.user_id = users.user_id
