{{ config(materialized='incremental', unique_key='user_no') }}
{#- Users as numbers: the first row of the log that names them. -#}

with named as (

    {{ first_named(['tenant_id', 'user_id'], 'user_no') }}

)

select
    named.tenant_id,
    named.user_id,
    named.user_no,
    log.day_number
from named
inner join {{ of_open_days(ref('int_log'), 'row_no') }} as log on named.user_no = log.row_no
{% if is_day_build() %}
left join {{ of_closed_days(this, 'user_no') }} as known
    on
        named.tenant_id = known.tenant_id
        and named.user_id = known.user_id
where known.user_no is null
{% endif %}
