{{ config(materialized='incremental', unique_key='event_no') }}
{#-
  The moments at which a client could have asked again about an edit that was still open.

  It asks about all that it has open, so a push has one such moment, counted from when its first edit was begun: of those that
  were begun long enough before it was received, that one is the first. The delay is drawn from the name that the client gave the
  push, and from nothing else: it knows nothing of when the sync will come, and the same history is asked at the same
  moments on every platform.
-#}

{#- Read where they are wanted: a common table would be a copy of them. -#}
{% set changes = of_open_days(ref('int_changes'), 'row_no') %}

with asked_again as (

    select
        tenant_id,
        sync_id,
        min(asked_at) as asked_at
    from (
        select
            tenant_id,
            sync_id,
            -- not drawn where none would be
            case
                when {{ plus_seconds('edited_at', var('edit_open_min_seconds')) }} < received_at
                    then {{ plus_seconds('edited_at', edit_open_delay("tenant_id || '/' || sync_session_id")) }}
            end as asked_at,
            received_at
        from {{ changes }} as changes
        where {{ is_event('outcome') }}
    ) as drawn
    where asked_at < received_at
    group by tenant_id, sync_id

)

select
    changes.row_no as event_no,
    changes.edit_id,
    asked_again.asked_at,
    changes.day_number
from {{ changes }} as changes
inner join asked_again
    on
        changes.tenant_id = asked_again.tenant_id
        and changes.sync_id = asked_again.sync_id
where {{ is_event('changes.outcome') }} and changes.edited_at <= asked_again.asked_at and asked_again.asked_at < changes.received_at
