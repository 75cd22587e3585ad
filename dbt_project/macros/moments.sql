{#-
  The moments at which features are wanted, with all that their events and questions say: of the open days; in a whole build,
  and for the view of them, all.
-#}
{% macro moments_in_words() -%}
select
    events.tenant_id,
    cast(events.event_id as {{ dbt.type_string() }}) || case when moments.moment_no % 2 = 0 then '/edit_start' else '/edit_open' end as moment_id,
    case when moments.moment_no % 2 = 0 then 'edit_start' else 'edit_open' end as moment,
    moments.asked_at,
    {{ seq_of('moments.as_of_no') }} as as_of_seq,
    events.event_id,
    cast(null as {{ dbt.type_string() }}) as prediction_id,
    events.received_at,
    events.sync_session_id,
    events.user_id,
    events.device_id,
    events.entity_type,
    events.entity_id,
    events.edit_id,
    said.fields as announced_fields,
    said.base_version as announced_base_version,
    moments.is_announced,
    events.is_conflicted,
    moments.moment_no,
    moments.as_of_no,
    moments.type_no,
    moments.record_no,
    moments.user_no,
    moments.day_number
from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
inner join {{ of_open_days(ref('int_changes'), 'row_no') }} as events on {{ event_of('moments.moment_no') }} = events.row_no
left join {{ words_announced() }} as said on moments.announced_no = said.row_no
union all
select
    predictions.tenant_id,
    predictions.prediction_id || '/asked',
    'asked',
    moments.asked_at,
    {{ seq_of('moments.as_of_no') }},
    cast(null as {{ uuid() }}),
    predictions.prediction_id,
    null,
    null,
    predictions.user_id,
    predictions.device_id,
    predictions.entity_type,
    predictions.entity_id,
    predictions.edit_id,
    predictions.announced_fields,
    predictions.announced_base_version,
    moments.is_announced,
    null,
    moments.moment_no,
    moments.as_of_no,
    moments.type_no,
    moments.record_no,
    moments.user_no,
    moments.day_number
from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments
inner join {{ of_open_days(ref('int_questions'), 'tenant_no') }} as predictions on moments.moment_no = predictions.moment_no
{%- endmacro %}

{#-
  Running figures of the events of a key, read at each moment's as_of_seq: `counts` and `others` are names of them, each with the column of
  `events` that it is. Where there was no event yet, counts are 0 and others null. `lasts` are the events that ended a day. One look-up a
  statement: two at once, or one that carries what another found, share the memory and take twice as long.
-#}
{% macro figures_at_moments(events, lasts, key, counts, others={}) -%}
{%- set figures = dict(counts, **others) -%}
{%- set looked_for = [] -%}
{%- for name, column in figures.items() if column != key -%}
    {%- do looked_for.append('place as ' ~ name if column == 'event_no' else name) -%}
{%- endfor %}

with moments as (

    select
        moment_no,
        as_of_no,
        {{ shift_right('as_of_no', 40) ~ ' as tenant_no' if key == 'tenant_no' else key }},
        day_number
    from {{ of_open_days(ref('int_moment_numbers'), 'moment_no') }} as moments

),

events as (

    select
        {{ key }},
        event_no as place
        {%- for name, column in figures.items() if column not in ('event_no', key) %},
        {{ column }} as {{ name }}
        {%- endfor %}
    from {{ in_reach(events, ([key, 'event_no'] + figures.values() | list) | unique | list, lasts, [key], 'moments') }} as events

),

found as (

    {{ as_of('moments', ['moment_no', 'day_number', key], 'as_of_no', 'events', looked_for, 'place', [key]) }}

)

select
    moment_no,
    {% for name in counts %}coalesce({{ name }}, 0) as {{ name }}, {% endfor %}
    {% for name in others %}{{ name }}, {% endfor %}
    day_number
from found
{%- endmacro %}

{#- The words of presence that moments' editors had announced last. -#}
{% macro words_announced() -%}
    {%- set wanted = '(select distinct announced_no as row_no from ' ~ of_open_days(ref('int_moment_numbers'), 'moment_no') ~ ' as moments)' -%}
    {{ looked_up(ref('int_edit_events'), wanted, ['row_no']) }}
{%- endmacro %}

{#- To read from. -#}
{% macro moments_to_build() -%}
    {%- set all = ref('int_moments') -%}
    {%- set read = [ref('int_moment_numbers'), ref('int_changes'), ref('int_edit_events'), ref('int_questions'), ref('int_open_days')] -%}
    {%- if is_day_build() -%}({{ moments_in_words() }}){%- else -%}{{ all }}{%- endif -%}
{%- endmacro %}
