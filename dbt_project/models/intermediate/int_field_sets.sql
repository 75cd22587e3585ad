{#-
  Which fields the changes of the open days touched, twelve to a row: each set of fields once, as there are few of them.
  In a whole build, all.
-#}

with types as (

    {{ entity_types() }}

),

field_sets as (

    select distinct
        types.type_no,
        changes.fields
    from {{ of_open_days(ref('int_changes'), 'row_no') }} as changes
    inner join types
        on
            changes.tenant_id = types.tenant_id
            and changes.entity_type = types.entity_type
    where {{ is_event('changes.outcome') }}

)

select
    named.type_no,
    named.fields,
    places.word,
    bit_or(places.touch) as touches,
    bit_or(places.low_touch) as low_touches,
    bit_or(places.high_touch) as high_touches
from (
    select
        type_no,
        fields,
        {{ explode('fields') }} as field
    from field_sets
) as named
inner join {{ ref('int_type_fields') }} as places
    on
        named.type_no = places.type_no
        and named.field = places.field
group by named.type_no, named.fields, places.word
