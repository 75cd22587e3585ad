-- depends_on: {{ ref('int_open_days') }}
{{ config(materialized='incremental', unique_key='row_no') }}
{#-
  The log of every tenant as far as it is held: when each row was received, and when it became visible, which is when the
  last row up to it was received. The day of a row is the day of that: an import writes old rows at the end of the
  newest day, and changes none before.
-#}

with log as (

    {% if is_day_build() %}
    select
        row_no,
        received_at
    from {{ of_open_days(this, 'row_no') }} as held
    union all
    select
        row_no,
        received_at
    from ({{ new_rows_of_the_log(as_left('int_days'), this) }}) as rows_met
    {% else %}
    {{ new_rows_of_the_log() }}
    {% endif %}

),

-- Seqs are given in the order of commits: behind a row that came later there is nothing that was there before,
-- whenever it had been received.
visible as (

    select
        row_no,
        received_at,
        max(received_at) over {{ up_to_here([shift_right('row_no', 40)], ['row_no']) }} as visible_at,
        lead(received_at) over (partition by {{ shift_right('row_no', 40) }} order by row_no) as next_at
    from log

)

select
    row_no,
    {{ utc_day_number('visible_at') }} as day_number,
    received_at,
    visible_at,
    -- of all that became visible at one instant, the last
    next_at is null or next_at > visible_at as is_last_then
from visible
