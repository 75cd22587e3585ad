{{ config(materialized='incremental', unique_key='moment_no') }}
{#- How long the edit had been open at each moment; no row for one that began with it, or of which that is not known. -#}

with moments as (

    select
        moment_no,
        asked_at,
        day_number
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments

),

questions as (

    select
        moment_no,
        tenant_id,
        edit_id,
        user_id,
        entity_type,
        entity_id,
        as_of_seq,
        edit_age_seconds
    from {{ of_open_days(ref('int_questions'), 'tenant_no') }} as questions

),

edits as (

    select distinct
        tenant_id,
        edit_id
    from questions
    where edit_id is not null

),

words as (

    select
        tenant_id,
        edit_id,
        user_id,
        entity_type,
        entity_id,
        seq,
        received_at,
        row_number() over (partition by tenant_id, edit_id, user_id, entity_type, entity_id order by seq) as word_number
    from {{ looked_up(ref('int_edit_events'), 'edits', ['tenant_id', 'edit_id']) }} as edit_events

)

select
    moments.moment_no,
    {{ seconds_between('changes.edited_at', 'moments.asked_at') }} as open_seconds,
    moments.day_number
from moments
inner join {{ of_open_days(ref('int_changes'), 'row_no') }} as changes on {{ event_of('moments.moment_no') }} = changes.row_no
where moments.moment_no % 2 = 1
union all
select
    moments.moment_no,
    coalesce(questions.edit_age_seconds, {{ seconds_between('words.received_at', 'moments.asked_at') }}),
    moments.day_number
from moments
inner join questions on moments.moment_no = questions.moment_no
left join words
    on
        questions.tenant_id = words.tenant_id
        and questions.edit_id = words.edit_id
        and questions.user_id = words.user_id
        and questions.entity_type = words.entity_type
        and questions.entity_id = words.entity_id
        and words.word_number = 1
        and questions.as_of_seq >= words.seq
where questions.edit_age_seconds is not null or words.seq is not null
