{#-
  The moments at which features are wanted, and what the tenant's log held then. Those at which a client could have
  asked about the edit that became an event: there `as_of_seq` is the greatest seq such that it and all before it
  were received strictly before the moment. And those at which one did ask: there it is the one that the answer was logged with.
-#}

with events as (

    select
        tenant_id,
        event_id,
        edited_at,
        received_at,
        sync_id,
        -- when the first edit of its push was begun
        min(least(edited_at, received_at)) over (partition by tenant_id, sync_id) as push_began_at,
        sync_session_id,
        user_id,
        device_id,
        entity_type,
        entity_id,
        edit_id,
        is_conflicted
    from {{ ref('int_events') }}

),

starts as (

    select
        *,
        'edit_start' as moment,
        least(edited_at, received_at) as asked_at
    from events

),

opens as (

    -- A client asks again about all that it has open, so a push has one such moment. The delay is drawn from the push's
    -- id alone: it knows nothing of when the sync will come.
    select
        *,
        'edit_open' as moment,
        {{ plus_seconds('push_began_at', edit_open_delay('sync_id')) }} as asked_at
    from events

),

moments as (

    select * from starts
    union all
    select * from opens
    where edited_at <= asked_at and asked_at < received_at

),

timeline as (

    select
        tenant_id,
        asked_at as occurred_at,
        0 as is_row,
        cast(null as {{ dbt.type_bigint() }}) as seq,
        cast(null as {{ dbt.type_bigint() }}) as said_seq,
        edit_id,
        event_id,
        moment,
        received_at,
        sync_session_id,
        user_id,
        device_id,
        entity_type,
        entity_id,
        is_conflicted
    from moments
    union all
    select
        tenant_id,
        received_at,
        1,
        seq,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null
    from {{ ref('stg_sync__changes') }}
    union all
    select
        tenant_id,
        received_at,
        1,
        seq,
        seq as said_seq,
        edit_id,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null
    from {{ ref('stg_sync__edit_events') }}

),

positioned as (

    select
        *,
        -- At the same instant a moment sorts before the rows: it does not see them. Seqs are given in the order of commits:
        -- behind a row that came later there is nothing that was there before, whenever it had been received.
        least(
            coalesce(max(seq) over {{ up_to_here(['tenant_id'], ['occurred_at', 'is_row']) }}, 0),
            min(seq) over {{ from_here_on(['tenant_id'], ['occurred_at', 'is_row']) }} - 1
        ) as as_of_seq,
        -- What the editor had announced by then. Its own words come with the question, so those of the same instant count.
        case when edit_id is not null then max(said_seq) over {{ up_to_here(
            ['tenant_id', 'edit_id'], ['occurred_at', 'is_row desc']
        ) }} end as announced_seq
    from timeline

)

select
    positioned.tenant_id,
    positioned.event_id || '/' || positioned.moment as moment_id,
    positioned.moment,
    positioned.occurred_at as asked_at,
    positioned.as_of_seq,
    positioned.event_id,
    cast(null as {{ dbt.type_string() }}) as prediction_id,
    positioned.received_at,
    positioned.sync_session_id,
    positioned.user_id,
    positioned.device_id,
    positioned.entity_type,
    positioned.entity_id,
    said.fields as announced_fields,
    {{ array_size('said.fields') }} > 0 as is_announced,
    positioned.is_conflicted
from positioned
left join {{ ref('stg_sync__edit_events') }} as said
    on
        positioned.tenant_id = said.tenant_id
        and positioned.announced_seq = said.seq
where positioned.is_row = 0
union all
-- what was asked says itself when, about what it knew, and what was announced with the question
select
    tenant_id,
    prediction_id || '/asked',
    'asked',
    asked_at,
    as_of_seq,
    null,
    prediction_id,
    null,
    null,
    user_id,
    device_id,
    entity_type,
    entity_id,
    announced_fields,
    {{ array_size('announced_fields') }} > 0,
    null
from {{ ref('stg_sync__predictions') }}
