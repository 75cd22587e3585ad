{{ config(materialized='incremental', unique_key='type_no') }}
{#- Where the counts of a type's fields stand: in which word, and one of each in it. In the order of their first events. -#}

with types as (

    {{ entity_types() }}

),

named as (

    select
        type_no,
        field,
        min(event_no) as first_event_no,
        min(day_number) as day_number
    from (
        select
            types.type_no,
            changes.row_no as event_no,
            changes.day_number,
            {{ explode('changes.fields') }} as field
        from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
        inner join types
            on
                changes.tenant_id = types.tenant_id
                and changes.entity_type = types.entity_type
        where {{ is_event('changes.outcome') }}
    ) as touches
    group by type_no, field

),

{% if is_day_build() %}

known as (

    select
        type_no,
        field,
        field_number
    from {{ of_closed_days(this, 'type_no') }} as held

),

numbered as (

    select
        named.type_no,
        named.field,
        named.day_number,
        coalesce(last_known.field_number + 1, 0)
        + row_number() over (partition by named.type_no order by named.first_event_no, md5(named.field)) - 1 as field_number
    from named
    left join known
        on
            named.type_no = known.type_no
            and named.field = known.field
    left join (
        select
            type_no,
            max(field_number) as field_number
        from known
        group by type_no
    ) as last_known on named.type_no = last_known.type_no
    where known.field is null

),

{% else %}

numbered as (

    select
        type_no,
        field,
        day_number,
        row_number() over (partition by type_no order by first_event_no, md5(field)) - 1 as field_number
    from named

),

{% endif %}

placed as (

    select
        type_no,
        field,
        day_number,
        field_number,
        cast(floor(field_number / {{ fields_in_a_word() }}) as {{ dbt.type_bigint() }}) as word,
        field_number % {{ fields_in_a_word() }} as place
    from numbered

)

select
    type_no,
    field,
    field_number,
    word,
    cast(power(cast(32 as {{ double() }}), place) as {{ dbt.type_bigint() }}) as touch,
    -- for the longer window: two halves, eight bits a field
    cast(case when place < 6 then power(cast(256 as {{ double() }}), place) else 0 end as {{ dbt.type_bigint() }}) as low_touch,
    cast(case when place >= 6 then power(cast(256 as {{ double() }}), place - 6) else 0 end as {{ dbt.type_bigint() }}) as high_touch,
    day_number
from placed
