{#- How long the edit had been open at each moment; no row for one that began with it, or of which that is not known. -#}

with words as (

    select
        tenant_id,
        edit_id,
        user_id,
        entity_type,
        entity_id,
        seq,
        received_at,
        row_number() over (partition by tenant_id, edit_id, user_id, entity_type, entity_id order by seq) as word_number
    from {{ ref('stg_sync__edit_events') }}

)

select
    moments.moment_no,
    {{ seconds_between('events.edited_at', 'moments.asked_at') }} as open_seconds
from {{ ref('int_moment_numbers') }} as moments
inner join {{ ref('int_events') }} as events on moments.event_no = events.event_no
where moments.moment_no % 2 = 1
union all
select
    moments.moment_no,
    coalesce(predictions.edit_age_seconds, {{ seconds_between('words.received_at', 'moments.asked_at') }})
from {{ ref('int_moment_numbers') }} as moments
inner join {{ ref('stg_sync__predictions') }} as predictions
    on
        moments.tenant_id = predictions.tenant_id
        and moments.prediction_id = predictions.prediction_id
left join words
    on
        predictions.tenant_id = words.tenant_id
        and predictions.edit_id = words.edit_id
        and predictions.user_id = words.user_id
        and predictions.entity_type = words.entity_type
        and predictions.entity_id = words.entity_id
        and words.word_number = 1
        and predictions.as_of_seq >= words.seq
where predictions.edit_age_seconds is not null or words.seq is not null
