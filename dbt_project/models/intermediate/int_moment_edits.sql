{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  Edits that are open at each moment at which fields or a version were announced; at others they are counted (`int_moment_open_counts`).
  Those at questions have been met already, for the few features that want no others.
-#}

with of_events as (

    {{ open_edits('moment_no > 0 and announced_no is not null') }}

)

select
    moment_no,
    from_no,
    day_number
from of_events
union all
select
    moment_no,
    from_no,
    day_number
from {{ of_open_days(ref('int_question_edits'), 'moment_no') }} as of_questions
