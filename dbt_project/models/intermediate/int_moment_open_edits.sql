{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Others' edits of the record that are open at each moment: of another user, or of the same user on another device; no
  row for none. Where the asker did not name its device, its own user's edits are taken for its own.
-#}

with edits as (

    select
        moment_no,
        from_no
    from {{ of_open_days(ref('int_moment_edits'), 'moment_no') }} as edits

),

wanted as (

    select distinct from_no from edits

),

words as (

    select
        from_no,
        user_id,
        device_id,
        edit_id,
        opened_at,
        base_version,
        fields
    from {{ looked_up(ref('int_presence_intervals'), 'wanted', ['from_no']) }} as intervals

),

together as (

    select
        moments.moment_no,
        moments.asked_at,
        moments.day_number,
        moments.announced_fields,
        moments.announced_base_version,
        moments.user_id = words.user_id as is_same_user,
        words.edit_id,
        words.opened_at,
        words.base_version,
        words.fields
    from edits
    inner join {{ moments_to_build() }} as moments on edits.moment_no = moments.moment_no
    inner join words on edits.from_no = words.from_no
    where
        (moments.edit_id is null or words.edit_id <> moments.edit_id)
        and (words.user_id <> moments.user_id or words.device_id <> moments.device_id)

),

announced as (

    select distinct
        moment_no,
        {{ explode('announced_fields') }} as field
    from together

),

named as (

    select
        moment_no,
        edit_id,
        asked_at,
        opened_at,
        {{ explode('fields') }} as field
    from together

),

shared as (

    select
        named.moment_no,
        named.edit_id,
        named.asked_at,
        named.opened_at,
        named.field
    from named
    inner join announced
        on
            named.moment_no = announced.moment_no
            and named.field = announced.field

),

shared_fields as (

    select
        moment_no,
        count(distinct field) as open_fields_shared
    from shared
    group by moment_no

),

overlapping as (

    select distinct
        moment_no,
        edit_id,
        {{ seconds_between('opened_at', 'asked_at') }} / 3600 as age_hours
    from shared

),

weighed as (

    select
        moment_no,
        -- PostgreSQL refuses to underflow
        {{ ordered_sum(
            'exp(greatest(-700, -(case when age_hours > 0 then age_hours else 0 end) / ' ~ var('open_overlap_hours') ~ '))', 'edit_id'
        ) }} as open_overlap_recent
    from overlapping
    group by moment_no

),

counted as (

    select
        moment_no,
        min(day_number) as day_number,
        count(*) as open_edits,
        sum(case when is_same_user then 1 else 0 end) as open_edits_same_user,
        sum(case when base_version = announced_base_version then 1 else 0 end) as open_same_base
    from together
    group by moment_no

)

select
    counted.moment_no,
    counted.open_edits,
    cast(counted.open_edits_same_user as {{ dbt.type_bigint() }}) as open_edits_same_user,
    cast(coalesce(weighed.open_overlap_recent, 0) as {{ double() }}) as open_overlap_recent,
    coalesce(shared_fields.open_fields_shared, 0) as open_fields_shared,
    cast(counted.open_same_base as {{ dbt.type_bigint() }}) as open_same_base,
    counted.day_number
from counted
left join weighed on counted.moment_no = weighed.moment_no
left join shared_fields on counted.moment_no = shared_fields.moment_no
