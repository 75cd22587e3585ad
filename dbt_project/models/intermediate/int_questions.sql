{{ config(materialized='incremental', unique_key='tenant_no') }}
{#- What was asked, as far as what the answer had seen is held. A question belongs to the day on which it was asked. -#}

{% set columns = [
    'tenant_id', 'prediction_id', 'asked_at', 'as_of_seq', 'user_id', 'device_id', 'entity_type', 'entity_id', 'edit_id', 'announced_fields',
    'announced_base_version', 'edit_age_seconds',
] %}

with found as (

    select
        tenants.tenant_no,
        tenants.held_to_seq,
        {{ utc_day_number('given.asked_at') }} as day_number,
        given.{{ columns | join(', given.') }}
    from {{ possibly_new('stg_sync__predictions') }} as given
    inner join {{ ref('int_tenants') }} as tenants on given.tenant_id = tenants.tenant_id

),

met as (

    select
        tenant_no,
        day_number,
        {{ columns | join(', ') }}
    from {{ of_open_days('found', 'tenant_no') }} as asked
    where as_of_seq <= held_to_seq
    {% if is_day_build() %}
    union all
    select
        held.tenant_no,
        held.day_number,
        held.{{ columns | join(', held.') }}
    from {{ of_open_days(this, 'tenant_no') }} as held
    left join found
        on
            held.day_number = found.day_number
            and held.prediction_id = found.prediction_id
    where found.prediction_id is null
    {% endif %}

)

select
    *,
    -- by its tenant, its day and its place there; below zero, where no event's moments are
    -(
        tenant_no * {{ 2 ** 41 }} + day_number * {{ 2 ** 24 }}
        + row_number() over (partition by tenant_no, day_number order by asked_at, prediction_id)
    ) as moment_no
from met
