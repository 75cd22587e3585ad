{{ config(meta={'dagster': {'ref': {'name': 'int_moments'}}}) }}
-- Nothing of the event itself, and nothing after it, is at or below its moment's as_of_seq.
select
    moments.tenant_id,
    moments.event_id
from {{ ref('int_moments') }} as moments
inner join {{ ref('int_events') }} as events
    on moments.tenant_id = events.tenant_id and moments.event_id = events.event_id
where moments.as_of_seq >= events.seq or moments.asked_at > events.received_at
