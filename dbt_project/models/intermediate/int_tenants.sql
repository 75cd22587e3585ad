{#-
  Tenants as numbers, in the order in which they came, and how far the lake holds each tenant's log: beyond that, a row may
  be there without one before it. A number once given stays; an order that every engine has, whatever its collation.
-#}

with given as (

    {% if is_day_build() %}
    select
        tenant_id,
        tenant_no
    from {{ this }}
    {% else %}
    select
        cast(null as {{ dbt.type_string() }}) as tenant_id,
        cast(null as {{ dbt.type_bigint() }}) as tenant_no
    where false
    {% endif %}

),

named as (

    select
        tenant_id,
        min(created_at) as created_at
    from (
        select
            tenant_id,
            created_at
        from {{ ref('stg_sync__tenants') }}
        union all
        -- somebody of whom there is nothing but a question
        select
            tenant_id,
            null
        from {{ possibly_new('stg_sync__predictions') }} as predictions
        union all
        select
            tenant_id,
            null
        from given
    ) as met
    group by tenant_id

),

numbers_given as (

    select coalesce(max(tenant_no), 0) as last_no from given

),

numbered as (

    select
        named.tenant_id,
        coalesce(
            given.tenant_no,
            numbers_given.last_no
            + row_number() over (
                order by
                    case when given.tenant_no is null then 0 else 1 end,
                    case when named.created_at is null then 1 else 0 end, named.created_at, md5(named.tenant_id)
            )
        ) as tenant_no
    from named
    cross join numbers_given
    left join given on named.tenant_id = given.tenant_id

),

mapped as (

    select distinct tenant_id
    from {{ ref('stg_sync__replay_anchors') }}
    where is_mapped_time

)

select
    numbered.tenant_id,
    cast(numbered.tenant_no as {{ dbt.type_bigint() }}) as tenant_no,
    cast(coalesce(coverage.held_to_seq, 0) as {{ dbt.type_bigint() }}) as held_to_seq,
    mapped.tenant_id is not null as is_mapped_time
from numbered
left join {{ ref('stg_sync__lake_coverage') }} as coverage on numbered.tenant_id = coverage.tenant_id
left join mapped on numbered.tenant_id = mapped.tenant_id
