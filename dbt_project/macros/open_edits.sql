{#-
  Edits that are open at moments on their records, the asker's own among them: the word of each that holds. `condition` says
  which moments, `key` by what they meet: by the record, or by its user for no edits but the asker's own. They meet by day, so that
  a busy record is not joined with itself whole.
-#}
{% macro open_edits(condition, key='record_no') -%}

with moments as (

    select
        moment_no,
        as_of_no,
        {{ key }},
        asked_at,
        day_number,
        {{ tenant_of('moment_no') }} as tenant_no
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
    where {{ condition }}

),

days as (

    select
        tenant_no,
        first_no,
        day_number
    from {{ ref('int_days') }}

),

asked as (

    select
        moment_no,
        as_of_no,
        tenant_no
    from moments
    where moment_no < 0

),

asked_days as (

    {{ as_of('asked', ['moment_no', 'tenant_no'], 'as_of_no', 'days', ['day_number'], 'first_no', ['tenant_no']) }}

),

moment_days as (

    select
        moments.*,
        coalesce(asked_days.day_number, {{ utc_day_number('moments.asked_at') }}) as met_on
    from moments
    left join asked_days on moments.moment_no = asked_days.moment_no

),

looking_back as (

    select
        tenant_no,
        min(as_of_no) as as_of_no,
        min(asked_at) as asked_at,
        min(met_on) as since_day,
        max(met_on) as until_day
    from moment_days
    group by tenant_no

),

-- An edit is met on the days on which its word is the last one: from the day on which that became visible to the day on
-- which the next did, or to the day on which it expires.
interval_days as (

    select
        {{ key }},
        user_no,
        from_no,
        to_no,
        expires_at,
        {{ explode_range('first_day', 'last_day') }} as met_on
    from (
        select
            intervals.{{ key }},
            intervals.user_no,
            intervals.from_no,
            intervals.to_no,
            intervals.expires_at,
            greatest(intervals.day_number, looking_back.since_day) as first_day,
            least(
                -- none where there is no next one
                {{ utc_day_number('intervals.to_at') }},
                -- a question's clock is not the log's
                {{ utc_day_number('intervals.expires_at') }} + 1,
                looking_back.until_day
            ) as last_day
        from {{ ref('int_presence_intervals') }} as intervals
        inner join looking_back on {{ shift_right('intervals.from_no', 40) }} = looking_back.tenant_no
        where intervals.to_no > looking_back.as_of_no and intervals.expires_at > looking_back.asked_at
    ) as known
    where first_day <= last_day

)

select
    moments.moment_no,
    intervals.user_no,
    intervals.from_no,
    moments.day_number
from moment_days as moments
inner join interval_days as intervals
    on
        moments.{{ key }} = intervals.{{ key }}
        and moments.met_on = intervals.met_on
where
    moments.as_of_no >= intervals.from_no
    and moments.as_of_no < intervals.to_no
    and intervals.expires_at > moments.asked_at
{%- endmacro %}
