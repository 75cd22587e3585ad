{{ config(materialized='incremental', unique_key='record_user_no') }}
{#- Users on records as numbers: the first row of the log that names both. One number sorts and joins faster than two. -#}

with named as (

    {{ first_named(['tenant_id', 'entity_type', 'entity_id', 'user_id'], 'record_user_no') }}

)

select
    records.type_no,
    records.record_no,
    users.user_no,
    named.record_user_no,
    log.day_number
from named
inner join {{ ref('int_records') }} as records
    on
        named.tenant_id = records.tenant_id
        and named.entity_type = records.entity_type
        and named.entity_id = records.entity_id
inner join {{ ref('int_users') }} as users
    on
        named.tenant_id = users.tenant_id
        and named.user_id = users.user_id
inner join {{ of_open_days(ref('int_log'), 'row_no') }} as log on named.record_user_no = log.row_no
{% if is_day_build() %}
left join {{ of_closed_days(this, 'record_user_no') }} as known
    on
        records.record_no = known.record_no
        and users.user_no = known.user_no
where known.record_user_no is null
{% endif %}
