{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Others' edits of the record that are open at each moment; no row for none. Where fields were announced, those that name one
  of them count by their age.
-#}

{% set others = of_open_days(ref('int_moment_other_edits'), 'moment_no') %}
{% set words = looked_up(ref('int_edit_events'), 'wanted', ['row_no']) %}

with wanted as (

    select distinct
        from_no,
        from_no as row_no
    from {{ others }} as others

),

announced as (

    select
        numbers.moment_no,
        {{ explode('said.fields') }} as field
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as numbers
    inner join {{ words_announced() }} as said on numbers.announced_no = said.row_no
    -- an inner join by itself does not tell DuckDB how few they are
    where numbers.announced_no is not null
    union all
    select
        moment_no,
        {{ explode('announced_fields') }} as field
    from {{ of_open_days(ref('int_questions'), 'tenant_no') }} as questions

),

named as (

    select
        row_no as from_no,
        {{ explode('fields') }} as field
    from {{ words }} as words

),

shared as (

    select
        others.moment_no,
        others.asked_at,
        others.from_no,
        named.field
    from {{ others }} as others
    inner join named on others.from_no = named.from_no
    inner join announced
        on
            others.moment_no = announced.moment_no
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

),

counted as (

    select
        moment_no,
        min(day_number) as day_number,
        count(*) as open_edits,
        sum(of_same_user) as open_edits_same_user,
        sum(of_same_base) as open_same_base
    from {{ others }} as others
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
union all
select
    moment_no,
    open_edits,
    open_edits_same_user,
    cast(0 as {{ double() }}),
    0,
    0,
    day_number
from {{ of_open_days(ref('int_moment_open_counts'), 'moment_no') }} as only_counted
