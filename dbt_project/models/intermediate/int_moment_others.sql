{#-
  For each moment, the last events of other users on its record. Counted among others' events alone these are the
  numbers C-19 .. C; the place of the j-th in the record's own order is j plus the user's own events before it.
-#}

{% set last = var('overlap_record_events') %}

with counted as (

    select
        moments.tenant_id,
        moments.entity_type,
        moments.entity_id,
        moments.user_id,
        moments.moment_id,
        history.record_events - history.own_record_events as others
    from {{ ref('int_moments') }} as moments
    inner join {{ ref('int_moment_history') }} as history
        on
            moments.tenant_id = history.tenant_id
            and moments.moment_id = history.moment_id

),

steps as (

    -- a whole number: some engines make it a float, and a float is no key to join by
    select cast(generated_number as {{ dbt.type_bigint() }}) as step
    from ({{ dbt.generate_series(last) }}) as numbers

),

wanted as (

    select
        counted.*,
        counted.others - steps.step + 1 as others_number
    from counted
    inner join steps
        on counted.others >= steps.step

),

timeline as (

    select
        tenant_id,
        entity_type,
        entity_id,
        user_id,
        moment_id,
        others,
        others_number,
        1 as is_wanted,
        0 as is_own
    from wanted
    union all
    -- an own event stands between the others_before-th and the next of the others' events
    select
        tenant_id,
        entity_type,
        entity_id,
        user_id,
        null,
        null,
        others_before + 1,
        0,
        1
    from {{ ref('int_events') }}

),

placed as (

    select
        *,
        others_number + sum(is_own) over {{ up_to_here(
            ['tenant_id', 'entity_type', 'entity_id', 'user_id'], ['others_number', 'is_wanted']
        ) }} as record_event_number
    from timeline

)

select
    placed.tenant_id,
    placed.moment_id,
    placed.others_number,
    case when placed.others < {{ last }} then placed.others else {{ last }} end as window_size,
    events.event_id as other_event_id
from placed
inner join {{ ref('int_events') }} as events
    on
        placed.tenant_id = events.tenant_id
        and placed.entity_type = events.entity_type
        and placed.entity_id = events.entity_id
        and placed.record_event_number = events.record_event_number
where placed.moment_id is not null
