{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Others' edits of the record that are open at each moment: of another user, or of the same user on another device; no
  row for none. Where the asker did not name its device, its own user's edits are taken for its own.

  There are many to a moment at a busy record. They are counted where they meet, and carried on as numbers where the moment
  announces fields; what an edit names is taken from its words, which are fewer.
-#}

{#- Read where they are wanted: a common table would be a copy of them. -#}
{% set edits = of_open_days(ref('int_moment_edits'), 'moment_no') %}
{% set moments = moments_to_build() %}
{% set words = looked_up(ref('int_edit_events'), 'wanted', ['row_no']) %}
{% set others -%}
    (moments.edit_id is null or words.edit_id <> moments.edit_id)
        and (words.user_id <> moments.user_id or words.device_id <> moments.device_id)
{%- endset %}

with wanted as (

    select distinct
        from_no,
        from_no as row_no
    from {{ edits }} as edits

),

counted as (

    select
        edits.moment_no,
        min(moments.day_number) as day_number,
        count(*) as open_edits,
        sum(case when words.user_id = moments.user_id then 1 else 0 end) as open_edits_same_user,
        sum(case when words.base_version = moments.announced_base_version then 1 else 0 end) as open_same_base
    from {{ edits }} as edits
    inner join {{ moments }} as moments on edits.moment_no = moments.moment_no
    inner join {{ words }} as words on edits.from_no = words.row_no
    where
        {{ others }}
    group by edits.moment_no

),

announced as (

    select distinct
        moment_no,
        {{ explode('announced_fields') }} as field
    from {{ moments }} as moments

),

named as (

    select distinct
        row_no as from_no,
        {{ explode('fields') }} as field
    from {{ words }} as words

),

shared as (

    select
        met.moment_no,
        met.asked_at,
        met.from_no,
        named.field
    from (
        select
            edits.moment_no,
            moments.asked_at,
            edits.from_no
        from {{ edits }} as edits
        inner join {{ moments }} as moments on edits.moment_no = moments.moment_no
        inner join {{ words }} as words on edits.from_no = words.row_no
        where
            {{ array_size('moments.announced_fields') }} > 0
            and {{ others }}
    ) as met
    inner join named on met.from_no = named.from_no
    inner join announced
        on
            met.moment_no = announced.moment_no
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

    select
        shared.moment_no,
        words.edit_id,
        {{ seconds_between('intervals.opened_at', 'shared.asked_at') }} / 3600 as age_hours
    from (
        select distinct
            moment_no,
            asked_at,
            from_no
        from shared
    ) as shared
    inner join {{ words }} as words on shared.from_no = words.row_no
    inner join {{ looked_up(ref('int_presence_intervals'), 'wanted', ['from_no']) }} as intervals on shared.from_no = intervals.from_no

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
