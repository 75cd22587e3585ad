{{ config(meta={'dagster': {'ref': {'name': 'stg_sync__changes'}}}) }}
-- The log's label and the conflicts of detection `version` tell the same story.
with conflicts as (

    select distinct
        tenant_id,
        event_id
    from {{ ref('stg_sync__conflicts') }}
    where detection = 'version'

)

select
    changes.tenant_id,
    changes.event_id
from {{ ref('stg_sync__changes') }} as changes
left join conflicts
    on changes.tenant_id = conflicts.tenant_id and changes.event_id = conflicts.event_id
where changes.is_conflicted <> (conflicts.event_id is not null)
