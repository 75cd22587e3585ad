{{ config(materialized='incremental', unique_key='moment_no') }}
{#-
  The five features of the first contract, one row per moment; and the overlap, had the edit announced nothing.

  The overlap is how likely the edit meets others' recent fields: 1 - product over fields of (1 - p q). q is the share of
  others' last events on the record that touch a field, p how likely this edit touches it: the share of the type's last events
  that do; or whether it was announced.
-#}

{% set last_of_type = var('overlap_type_events') %}
{% set p_by_type = shares_of_type('type_low_touches', 'type_high_touches', 'type_window_size') %}
{% set p_announced = announced_or_not('announced_touches') %}

with measured as (

    select
        past.moment_no,
        past.day_number,
        past.hours_since_last_sync,
        past.entity_edit_frequency,
        past.touches,
        cast(past.window_size as {{ double() }}) as window_size,
        of_user.user_events,
        of_user.user_conflicts,
        of_type.type_low_touches,
        of_type.type_high_touches,
        cast(case when of_type.type_events < {{ last_of_type }} then of_type.type_events else {{ last_of_type }} end as {{ double() }})
            as type_window_size,
        editors.concurrent_editors,
        announced.touches as announced_touches,
        coalesce(further.missed_by_type, 1) as further_missed_by_type,
        coalesce(further.missed_announced, 1) as further_missed_announced
    from {{ of_open_days(ref('int_moment_past'), 'moment_no') }} as past
    inner join {{ of_open_days(ref('int_moment_user_events'), 'moment_no') }} as of_user on past.moment_no = of_user.moment_no
    inner join {{ of_open_days(ref('int_moment_type_events'), 'moment_no') }} as of_type on past.moment_no = of_type.moment_no
    left join {{ of_open_days(ref('int_moment_editors'), 'moment_no') }} as editors on past.moment_no = editors.moment_no
    left join {{ of_open_days(ref('int_moment_words'), 'moment_no') }} as announced
        on
            past.moment_no = announced.moment_no
            and announced.word = 0
    left join {{ of_open_days(ref('int_moment_further'), 'moment_no') }} as further on past.moment_no = further.moment_no

),

met as (

    select
        *,
        case when touches > 0 then {{ missed('touches', 'window_size', p_by_type) }} else 1 end * further_missed_by_type as missed_by_type,
        case when touches > 0 and announced_touches > 0 then {{ missed('touches', 'window_size', p_announced) }} else 1 end
        * further_missed_announced as missed_announced
    from measured

)

select
    moment_no,
    cast(coalesce(concurrent_editors, 0) as {{ double() }}) as concurrent_editors,
    hours_since_last_sync,
    cast(case when user_events > 0 then 100 * user_conflicts / cast(user_events as {{ double() }}) else 0 end as {{ double() }})
        as user_conflict_rate,
    entity_edit_frequency,
    cast(1 - case when announced_touches is null then missed_by_type else missed_announced end as {{ double() }}) as field_overlap_score,
    cast(1 - missed_by_type as {{ double() }}) as silent_overlap_score,
    day_number
from met
