{#-
  The moments at which features are wanted, and what the tenant's log held then. Those at which a client could have
  asked about the edit that became an event: there `as_of_seq` is the greatest seq such that it and all before it
  were received strictly before the moment. And those at which one did ask: there it is the one that the answer was logged with.
-#}

with starts as (

    select
        tenant_id,
        event_id,
        event_id || '/edit_start' as moment_id,
        'edit_start' as moment,
        least(edited_at, received_at) as asked_at,
        received_at
    from {{ ref('int_events') }}

),

opens as (

    -- the delay is drawn from the event's id alone: it knows nothing of when the sync will come
    select
        tenant_id,
        event_id,
        event_id || '/edit_open' as moment_id,
        'edit_open' as moment,
        {{ plus_seconds('edited_at', edit_open_delay('event_id')) }} as asked_at,
        received_at
    from {{ ref('int_events') }}

),

moments as (

    select * from starts
    union all
    select * from opens where asked_at < received_at

),

timeline as (

    select tenant_id, event_id, moment_id, moment, asked_at as occurred_at, 0 as is_row, cast(null as {{ dbt.type_bigint() }}) as seq
    from moments
    union all
    select tenant_id, null, null, null, received_at, 1, seq from {{ ref('stg_sync__changes') }}
    union all
    select tenant_id, null, null, null, received_at, 1, seq from {{ ref('stg_sync__edit_events') }}

),

positioned as (

    -- At the same instant a moment sorts before the rows: it does not see them. Seqs are given in the order of commits:
    -- behind a row that came later there is nothing that was there before, whenever it had been received.
    select
        tenant_id,
        event_id,
        moment_id,
        moment,
        occurred_at as asked_at,
        is_row,
        least(
            coalesce(max(seq) over {{ up_to_here(['tenant_id'], ['occurred_at', 'is_row']) }}, 0),
            min(seq) over {{ from_here_on(['tenant_id'], ['occurred_at', 'is_row']) }} - 1
        ) as as_of_seq
    from timeline

),

announcements as (

    -- What the editor had announced by then. Its own words come with the question, so those of the same instant count.
    select
        positioned.tenant_id,
        positioned.moment_id,
        said.fields,
        row_number() over (
            partition by positioned.tenant_id, positioned.moment_id order by said.seq desc
        ) as recency
    from positioned
    inner join {{ ref('int_events') }} as events
        on positioned.tenant_id = events.tenant_id and positioned.event_id = events.event_id
    inner join {{ ref('stg_sync__edit_events') }} as said
        on
            events.tenant_id = said.tenant_id
            and events.edit_id = said.edit_id
            and said.received_at <= positioned.asked_at
    where positioned.is_row = 0

)

select
    positioned.tenant_id,
    positioned.moment_id,
    positioned.moment,
    positioned.asked_at,
    positioned.as_of_seq,
    positioned.event_id,
    cast(null as {{ dbt.type_string() }}) as prediction_id,
    events.received_at,
    events.sync_session_id,
    events.user_id,
    events.device_id,
    events.entity_type,
    events.entity_id,
    announcements.fields as announced_fields,
    {{ array_size('announcements.fields') }} > 0 as is_announced,
    events.is_conflicted
from positioned
inner join {{ ref('int_events') }} as events
    on positioned.tenant_id = events.tenant_id and positioned.event_id = events.event_id
left join announcements
    on
        positioned.tenant_id = announcements.tenant_id
        and positioned.moment_id = announcements.moment_id
        and announcements.recency = 1
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
