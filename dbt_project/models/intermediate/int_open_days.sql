-- depends_on: {{ ref('stg_sync__changes') }}
-- depends_on: {{ ref('stg_sync__edit_events') }}
-- depends_on: {{ ref('stg_sync__predictions') }}
{#-
  The tenants' days that this run writes: those in which rows came since the last finished run, and all that are later of
  the same tenant. They stay open until a run is finished. Empty where everything is built.
-#}

{% if is_day_build() %}

with days as (

    select * from {{ as_left('int_days') }}

),

tenants as (

    select
        tenants.tenant_id,
        tenants.tenant_no,
        tenants.held_to_seq,
        days.last_no,
        days.last_day
    from {{ ref('int_tenants') }} as tenants
    left join (
        select
            tenant_no,
            max(last_no) as last_no,
            max(day_number) as last_day
        from days
        group by tenant_no
    ) as days on tenants.tenant_no = days.tenant_no

),

new_rows as (

    {{ new_rows_of_the_log(as_left('int_days'), as_left('int_log')) }}

),

first_new as (

    select
        tenant_no,
        min(row_no) as row_no,
        max({{ utc_day_number('received_at') }}) as last_day
    from new_rows
    group by tenant_no

),

placed as (

    {{ as_of('first_new', ['tenant_no', 'row_no', 'last_day'], 'row_no', 'days', ['day_number'], 'first_no', ['tenant_no']) }}

),

begun as (

    select
        placed.tenant_no,
        case
            when placed.day_number is null then {{ utc_day_number('rows_met.received_at') }}
            -- behind all that is held: on the newest day, or on a later one
            when placed.row_no > tenants.last_no then greatest(placed.day_number, {{ utc_day_number('rows_met.received_at') }})
            -- in between: the days that follow may begin elsewhere now
            else placed.day_number
        end as first_day,
        placed.last_day
    from placed
    inner join new_rows as rows_met on placed.row_no = rows_met.row_no
    inner join tenants on placed.tenant_no = tenants.tenant_no

),

questions as (

    select
        tenants.tenant_no,
        {{ utc_day_number('predictions.asked_at') }} as day_number,
        predictions.prediction_id
    from {{ possibly_new('stg_sync__predictions') }} as predictions
    inner join tenants on predictions.tenant_id = tenants.tenant_id
    where predictions.as_of_seq <= tenants.held_to_seq

),

new_questions as (

    select
        questions.tenant_no,
        questions.day_number
    from questions
    left join {{ as_left('int_questions') }} as held
        on
            questions.day_number = held.day_number
            and questions.prediction_id = held.prediction_id
            and questions.tenant_no = held.tenant_no
    where held.prediction_id is null

),

opened as (

    select
        tenant_no,
        min(first_day) as first_day,
        max(last_day) as last_day
    from (
        select
            tenant_no,
            first_day,
            last_day
        from begun
        union all
        select
            tenant_no,
            day_number,
            day_number
        from new_questions
        union all
        -- what its times are was learnt later
        select
            days.tenant_no,
            min(days.day_number),
            null
        from days
        inner join {{ ref('int_tenants') }} as tenants on days.tenant_no = tenants.tenant_no
        where days.is_mapped_time <> tenants.is_mapped_time
        group by days.tenant_no
        union all
        select
            tenant_no,
            day_number,
            day_number
        from {{ this }}
    ) as days
    group by tenant_no

)

select
    tenants.tenant_id,
    opened.tenant_no,
    {{ explode_range('opened.first_day', 'greatest(opened.first_day, opened.last_day, tenants.last_day)') }} as day_number
from opened
inner join tenants on opened.tenant_no = tenants.tenant_no

{% else %}

select
    tenant_id,
    tenant_no,
    cast(null as {{ dbt.type_bigint() }}) as day_number
from {{ ref('int_tenants') }}
where false

{% endif %}
