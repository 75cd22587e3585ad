{#-
  Edits that are open at each moment on its record, the asker's own among them: the seq of the word of each that holds.
  They meet by day, so that a busy record is not joined with itself whole.
-#}

{% set interval = ['tenant_no', 'record_no', 'user_no', 'from_no', 'to_no', 'expires_at'] %}

with moments as (

    select
        moment_no,
        as_of_no,
        record_no,
        asked_at
    from {{ ref('int_moment_numbers') }}

),

-- An edit is met on the days on which its word is the last one: from the day on which that became visible to the day on
-- which the next did, or to the day on which it expires.
intervals as (

    select
        tenants.tenant_no,
        records.record_no,
        users.user_no,
        intervals.expires_at,
        {{ row_number_in('tenants.tenant_no', 'intervals.from_seq') }} as from_no,
        -- exclusive; behind the tenant's last row there is nothing
        case
            when intervals.to_seq < {{ seqs_of_a_tenant() }} then {{ row_number_in('tenants.tenant_no', 'intervals.to_seq') }}
            else {{ row_number_in('tenants.tenant_no + 1', '0') }} - 1
        end as to_no
    from {{ ref('int_presence_intervals') }} as intervals
    inner join {{ ref('int_tenants') }} as tenants on intervals.tenant_id = tenants.tenant_id
    inner join {{ ref('int_records') }} as records
        on
            intervals.tenant_id = records.tenant_id
            and intervals.entity_type = records.entity_type
            and intervals.entity_id = records.entity_id
    inner join {{ ref('int_users') }} as users
        on
            intervals.tenant_id = users.tenant_id
            and intervals.user_id = users.user_id

),

days as (

    select
        tenant_no,
        first_no,
        day_number
    from {{ ref('int_days') }}

),

first_days as (

    {{ as_of('intervals', interval, 'from_no', 'days', ['day_number as first_day'], 'first_no', ['tenant_no']) }}

),

last_days as (

    {{ as_of('first_days', interval + ['first_day'], 'to_no', 'days', ['day_number as last_day'], 'first_no', ['tenant_no']) }}

),

interval_days as (

    select
        tenant_no,
        record_no,
        user_no,
        from_no,
        to_no,
        expires_at,
        {{ explode_range('first_day', 'last_day') }} as day_number
    from (
        select
            {{ interval | join(', ') }},
            first_day,
            -- a question's clock is not the log's
            least(last_day, {{ utc_day_number('expires_at') }} + 1) as last_day
        from last_days
    ) as known
    where first_day <= last_day

),

asked as (

    select
        moment_no,
        as_of_no,
        {{ shift_right('as_of_no', 40) }} as tenant_no
    from moments
    where moment_no < 0

),

asked_days as (

    {{ as_of('asked', ['moment_no', 'tenant_no'], 'as_of_no', 'days', ['day_number'], 'first_no', ['tenant_no']) }}

),

moment_days as (

    select
        moments.*,
        coalesce(asked_days.day_number, {{ utc_day_number('moments.asked_at') }}) as day_number
    from moments
    left join asked_days on moments.moment_no = asked_days.moment_no

)

select
    moments.moment_no,
    intervals.user_no,
    intervals.from_no
from moment_days as moments
inner join interval_days as intervals
    on
        moments.record_no = intervals.record_no
        and moments.day_number = intervals.day_number
where
    moments.as_of_no >= intervals.from_no
    and moments.as_of_no < intervals.to_no
    and intervals.expires_at > moments.asked_at
