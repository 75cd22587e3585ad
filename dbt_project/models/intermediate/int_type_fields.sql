{#- Where the counts of a type's fields stand: in which word, and one of each in it. In the order of their first events. -#}

with named as (

    select
        type_no,
        field,
        min(event_no) as first_event_no
    from (
        select
            type_no,
            event_no,
            {{ explode('fields') }} as field
        from {{ ref('int_events') }}
    ) as touches
    group by type_no, field

),

numbered as (

    select
        type_no,
        field,
        row_number() over (partition by type_no order by first_event_no, md5(field)) - 1 as field_number
    from named

),

placed as (

    select
        type_no,
        field,
        cast(floor(field_number / {{ fields_in_a_word() }}) as {{ dbt.type_bigint() }}) as word,
        field_number % {{ fields_in_a_word() }} as place
    from numbered

)

select
    type_no,
    field,
    word,
    cast(power(cast(32 as {{ double() }}), place) as {{ dbt.type_bigint() }}) as touch,
    -- for the longer window: two halves, eight bits a field
    cast(case when place < 6 then power(cast(256 as {{ double() }}), place) else 0 end as {{ dbt.type_bigint() }}) as low_touch,
    cast(case when place >= 6 then power(cast(256 as {{ double() }}), place - 6) else 0 end as {{ dbt.type_bigint() }}) as high_touch
from placed
