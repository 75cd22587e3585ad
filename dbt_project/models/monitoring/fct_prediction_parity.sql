{#-
  Every feature of every logged prediction: as the answer was given on it, and as the models that make the training
  rows work it out for the same moment.
-#}
-- noqa: disable=LT02

with answered as (

    select
        predictions.tenant_id,
        predictions.prediction_id,
        predictions.asked_at,
        predictions.as_of_seq,
        case
            when predictions.is_hidden then 'hidden'
            when predictions.as_of_seq > coalesce(coverage.held_to_seq, 0) then 'not_held_yet'
            when predictions.as_of_seq >= coverage.missing_from_seq then 'held_in_part'
            else 'compared'
        end as state,
        {%- for feature in feature_names() %}
        predictions.{{ feature }} as online_{{ feature }},
        features.{{ feature }} as offline_{{ feature }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('stg_sync__predictions') }} as predictions
    left join {{ ref('int_moments') }} as moments
        on
            predictions.tenant_id = moments.tenant_id
            and predictions.prediction_id = moments.prediction_id
    left join {{ ref('conflict_features') }} as features
        on
            moments.tenant_id = features.tenant_id
            and moments.moment_id = features.moment_id
    left join {{ ref('stg_sync__lake_coverage') }} as coverage
        on predictions.tenant_id = coverage.tenant_id

),

by_feature as (

    {%- for feature in feature_names() %}
    select
        tenant_id,
        prediction_id,
        asked_at,
        as_of_seq,
        state,
        '{{ feature }}' as feature,
        online_{{ feature }} as online_value,
        offline_{{ feature }} as offline_value
    from answered
    {%- if feature in later_features() %}
    -- an answer of an older contract was not given on it
    where online_is_announced is not null
    {%- elif feature in newest_features() %}
    where online_records_open is not null
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

measured as (

    select
        *,
        case
            -- a value that one of the two does not have is as far away as can be
            when online_value is null or offline_value is null then 1
            when online_value = offline_value then 0
            else abs(online_value - offline_value) / greatest(abs(online_value), abs(offline_value))
        end as relative_difference
    from by_feature

)

select
    tenant_id,
    prediction_id,
    feature,
    asked_at,
    as_of_seq,
    state,
    online_value,
    offline_value,
    cast(relative_difference as {{ double() }}) as relative_difference,
    state = 'compared' and relative_difference > {{ var('parity_tolerance') }} as is_different
from measured
