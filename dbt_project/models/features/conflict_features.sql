{{ config(materialized='incremental', unique_key='tenant_id') }}
{#- The features of the contract, one row per moment. -#}

with measured as (

    select
        moments.tenant_id,
        moments.moment_id,
        moments.moment_no,
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
        rates.record_conflicts_180d,
        rates.record_events_90d,
        rates.type_conflict_rate,
        rates.tenant_conflict_share,
        rates.user_push_conflict_rate,
        rates.user_open_log_seconds,
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
    record_conflicts_180d,
    record_events_90d,
    type_conflict_rate,
    tenant_conflict_share,
    user_push_conflict_rate,
    user_open_log_seconds,
    cast(case when edit_age_hours > 0 then edit_age_hours else 0 end as {{ double() }}) as edit_age_hours,
    -- a push has as many as it has records
    cast(1 as {{ double() }}) as records_open,
    silent_overlap_score,
    moment_no,
    day_number
from measured
