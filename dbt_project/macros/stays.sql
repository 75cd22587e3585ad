{#-
  What presence says holds of these columns' record, from the first instant that sees it to the first that does not any more; in a day build
  what moments of `asked` may see, by their `asked_us`.
-#}
{% macro stays_of_presence(columns, asked) -%}
    select
        {% for column in columns %}intervals.{{ column }},
        {% endfor -%}
        {{ micros('intervals.from_at') }} + 1 as from_us,
        least({{ micros('intervals.expires_at') }}, {{ micros('intervals.to_at') }} + 1) as to_us
    from {{ ref('int_presence_intervals') }} as intervals
    {%- if is_day_build() %}
    inner join (
        select
            {{ tenant_of('moment_no') }} as tenant_no,
            min(asked_us) as asked_us
        from {{ asked }}
        group by {{ tenant_of('moment_no') }}
    ) as looking_back
        on
            {{ shift_right('intervals.from_no', 40) }} = looking_back.tenant_no
            and {{ micros('intervals.expires_at') }} > looking_back.asked_us
            and ({{ micros('intervals.to_at') }} >= looking_back.asked_us or intervals.to_at is null)
    {%- endif %}
{%- endmacro %}

{#- How many of `stays` have begun at each record and not ended, from each instant at which one does; as `name`. -#}
{% macro begun_and_not_ended(stays, name) -%}
    select
        record_no,
        at_us,
        {{ running_sum('come', up_to_here(['record_no'], ['at_us'])) }} as {{ name }}
    from (
        select
            record_no,
            at_us,
            sum(come) as come
        from (
            select
                record_no,
                from_us as at_us,
                1 as come
            from {{ stays }}
            where from_us < to_us
            union all
            select
                record_no,
                to_us,
                -1
            from {{ stays }}
            where from_us < to_us
        ) as met
        group by record_no, at_us
    ) as comings_and_goings
{%- endmacro %}
