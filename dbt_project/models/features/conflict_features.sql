{{ config(materialized='incremental', unique_key='tenant_id') }}
{#- The features of the contract, one row per moment. -#}

with measured as (

    select
        moments.tenant_id,
        moments.moment_id,
        moments.day_number,
        {%- for feature in first_features() %}
        five.{{ feature }},
        {%- endfor %}
        five.silent_overlap_score,
        case when moments.is_announced or moments.announced_base_version is not null then 1 else 0 end as is_announced,
        versions.versions_behind,
        versions.fields_behind,
        case
            when versions.fields_announced > 0 then versions.fields_behind / cast(versions.fields_announced as {{ double() }})
        end as fields_behind_share,
        {{ seconds_between('versions.behind_since', 'moments.asked_at') }} / 3600 as hours_behind,
        open_edits.open_edits,
        open_edits.open_edits_same_user,
        open_edits.open_overlap_recent,
        open_edits.open_fields_shared,
        open_edits.open_same_base,
        rates.record_conflicts as conflicts_on_record,
        rates.record_events as events_on_record,
        rates.type_timed,
        rates.type_conflicts,
        (rates.tenant_conflicts + 1) / cast(rates.tenant_timed + 50 as {{ double() }}) as tenant_rate,
        rates.recent_pushes,
        rates.recent_conflicted,
        (rates.tenant_conflicted + 1) / cast(rates.tenant_pushes + 20 as {{ double() }}) as tenant_push_rate,
        case
            when rates.recent_pushes > 0
                then rates.recent_open_log / cast({{ 2 ** 32 }} as {{ double() }}) / rates.recent_pushes
            else ln(cast(86400 as {{ double() }}))
        end as tenant_open_log,
        rates.user_pushes,
        rates.user_conflicted,
        rates.user_open_log / cast({{ 2 ** 32 }} as {{ double() }}) as user_open_log,
        ages.open_seconds / 3600 as edit_age_hours
    from {{ moments_to_build() }} as moments
    inner join {{ of_open_days(ref('int_moment_five'), 'moment_no') }} as five on moments.moment_no = five.moment_no
    left join {{ of_open_days(ref('int_moment_versions'), 'moment_no') }} as versions on moments.moment_no = versions.moment_no
    left join {{ of_open_days(ref('int_moment_open_edits'), 'moment_no') }} as open_edits on moments.moment_no = open_edits.moment_no
    inner join {{ of_open_days(ref('int_moment_rates'), 'moment_no') }} as rates on moments.moment_no = rates.moment_no
    left join {{ of_open_days(ref('int_moment_ages'), 'moment_no') }} as ages on moments.moment_no = ages.moment_no

)

select
    tenant_id,
    moment_id,
    {%- for feature in first_features() %}
    {{ feature }},
    {%- endfor %}
    cast(is_announced as {{ double() }}) as is_announced,
    cast(coalesce(versions_behind, 0) as {{ double() }}) as versions_behind,
    cast(coalesce(fields_behind, 0) as {{ double() }}) as fields_behind,
    cast(coalesce(fields_behind_share, 0) as {{ double() }}) as fields_behind_share,
    cast(case when hours_behind > 0 then hours_behind else 0 end as {{ double() }}) as hours_behind,
    cast(coalesce(open_edits, 0) as {{ double() }}) as open_edits,
    cast(coalesce(open_edits_same_user, 0) as {{ double() }}) as open_edits_same_user,
    cast(coalesce(open_overlap_recent, 0) as {{ double() }}) as open_overlap_recent,
    cast(coalesce(open_fields_shared, 0) as {{ double() }}) as open_fields_shared,
    cast(coalesce(open_same_base, 0) as {{ double() }}) as open_same_base,
    cast(least(conflicts_on_record, {{ var('record_most_events') }}) as {{ double() }}) as record_conflicts_180d,
    cast(least(events_on_record, {{ var('record_most_events') }}) as {{ double() }}) as record_events_90d,
    cast((type_conflicts + 20 * tenant_rate) / (type_timed + 20) as {{ double() }}) as type_conflict_rate,
    cast((recent_conflicted + 1) / cast(recent_pushes + 20 as {{ double() }}) as {{ double() }}) as tenant_conflict_share,
    cast((user_conflicted + 5 * tenant_push_rate) / (user_pushes + 5) as {{ double() }}) as user_push_conflict_rate,
    cast(
        case when user_pushes > 0 then (user_open_log + 5 * tenant_open_log) / (user_pushes + 5) else tenant_open_log end as {{ double() }}
    ) as user_open_log_seconds,
    cast(case when edit_age_hours > 0 then edit_age_hours else 0 end as {{ double() }}) as edit_age_hours,
    -- a push has as many as it has records
    cast(1 as {{ double() }}) as records_open,
    silent_overlap_score,
    day_number
from measured
