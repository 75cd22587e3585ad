-- depends_on: {{ ref('int_moment_numbers') }}
-- depends_on: {{ ref('int_days') }}
-- depends_on: {{ ref('int_open_days') }}
{#-
  The days that the moments of the open days look back at in each tenant's log. Empty where everything is built.
-#}

{% if is_day_build() %}

with moments as (

    select
        asked_at,
        as_of_no,
        {{ tenant_of('moment_no') }} as tenant_no
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments

),

days as (

    select
        tenant_no,
        day_number,
        first_no
    from {{ ref('int_days') }}

),

placed as (

    {{ as_of('moments', ['tenant_no', 'asked_at'], 'as_of_no', 'days', ['day_number'], 'first_no', ['tenant_no']) }}

),

reached as (

    -- who was there lately may have come on the day before
    select
        tenant_no,
        min(least(day_number, {{ utc_day_number(plus_seconds('asked_at', '-' ~ var('presence_window_seconds'))) }})) as first_day
    from placed
    where day_number is not null
    group by tenant_no

)

select
    days.tenant_no,
    days.day_number,
    days.first_no
from days
inner join reached
    on
        days.tenant_no = reached.tenant_no
        and days.day_number >= reached.first_day

{% else %}

select
    tenant_no,
    day_number,
    first_no
from {{ ref('int_days') }}
where false

{% endif %}
