{{ config(materialized='incremental', unique_key='event_no') }}
{#- Events in numbers: who and what as keys, and all that the running figures of records, users and types are made of. -#}

select
    changes.row_no as event_no,
    records.type_no,
    records.record_no,
    users.user_no,
    record_users.record_user_no,
    changes.edited_at,
    changes.received_at,
    changes.visible_at,
    changes.is_conflicted,
    changes.new_version,
    coalesce(field_sets.touches, 0) as touches,
    coalesce(field_sets.low_touches, 0) as low_touches,
    coalesce(field_sets.high_touches, 0) as high_touches,
    changes.day_number
from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
inner join {{ ref('int_records') }} as records
    on
        changes.tenant_id = records.tenant_id
        and changes.entity_type = records.entity_type
        and changes.entity_id = records.entity_id
inner join {{ ref('int_users') }} as users
    on
        changes.tenant_id = users.tenant_id
        and changes.user_id = users.user_id
inner join {{ ref('int_record_users') }} as record_users
    on
        records.record_no = record_users.record_no
        and users.user_no = record_users.user_no
left join {{ ref('int_field_sets') }} as field_sets
    on
        records.type_no = field_sets.type_no
        and changes.fields = field_sets.fields
        and field_sets.word = 0
where {{ is_event('changes.outcome') }}
