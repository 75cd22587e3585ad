{#-
  A tenant's days: stretches of its log. A row's day is the one on which it became visible, which is the day of the
  latest receipt up to it: an import writes old rows at the end of the newest day, and changes none before.
-#}

with received as (

    select
        tenant_id,
        {{ utc_day_number('received_at') }} as day_number,
        min(seq) as lowest_seq
    from (
        select
            tenant_id,
            received_at,
            seq
        from {{ ref('stg_sync__changes') }}
        union all
        select
            tenant_id,
            received_at,
            seq
        from {{ ref('stg_sync__edit_events') }}
    ) as log
    group by 1, 2

),

begun as (

    -- from the lowest seq of a day on, and of all that are later, it is that day or a later one
    select
        tenant_id,
        day_number,
        min(lowest_seq) over {{ from_here_on(['tenant_id'], ['day_number']) }} as first_seq
    from received

),

held as (

    select
        *,
        lead(first_seq) over (partition by tenant_id order by day_number) as next_seq
    from begun

)

select
    tenants.tenant_no,
    held.day_number,
    {{ row_number_in('tenants.tenant_no', 'held.first_seq') }} as first_no
from held
inner join {{ ref('int_tenants') }} as tenants on held.tenant_id = tenants.tenant_id
-- a day of which all became visible later is none
where held.next_seq is null or held.first_seq < held.next_seq
