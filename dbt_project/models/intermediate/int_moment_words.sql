{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Which fields the edit had announced at each moment, twelve to a row: of the type's first twelve always a row where any were
  announced, known ones or not.
-#}

with moments as (

    select
        moment_no,
        type_no,
        announced_no,
        day_number
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    where is_announced

),

said as (

    select
        moments.moment_no,
        moments.type_no,
        moments.day_number,
        words_said.fields
    from moments
    inner join {{ words_announced() }} as words_said
        on moments.announced_no = words_said.row_no
    union all
    select
        moments.moment_no,
        moments.type_no,
        moments.day_number,
        questions.announced_fields
    from moments
    inner join {{ of_open_days(ref('int_questions'), 'tenant_no') }} as questions on moments.moment_no = questions.moment_no

),

named as (

    select
        moment_no,
        type_no,
        day_number,
        {{ explode('fields') }} as field
    from said

)

select
    moment_no,
    word,
    bit_or(touch) as touches,
    day_number
from (
    select
        moment_no,
        0 as word,
        0 as touch,
        day_number
    from said
    union all
    select
        named.moment_no,
        places.word,
        places.touch,
        named.day_number
    from named
    inner join {{ ref('int_type_fields') }} as places
        on
            named.type_no = places.type_no
            and named.field = places.field
) as placed
group by moment_no, word, day_number
