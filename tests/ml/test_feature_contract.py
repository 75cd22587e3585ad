import math

from ml.features import DEFAULTS, FEATURE_NAMES, MOMENTS, manifest_features


def test_the_features_stand_in_the_agreed_order_with_their_defaults() -> None:
    assert list(DEFAULTS) == list(FEATURE_NAMES)
    assert FEATURE_NAMES == (
        "concurrent_editors",
        "hours_since_last_sync",
        "user_conflict_rate",
        "entity_edit_frequency",
        "field_overlap_score",
        "is_announced",
        "versions_behind",
        "fields_behind",
        "fields_behind_share",
        "hours_behind",
        "open_edits",
        "open_edits_same_user",
        "open_overlap_recent",
        "open_fields_shared",
        "open_same_base",
        "record_conflicts_180d",
        "record_events_90d",
        "type_conflict_rate",
        "tenant_conflict_share",
        "user_push_conflict_rate",
        "user_open_log_seconds",
        "edit_age_hours",
        "records_open",
    )
    assert {name: default for name, default in DEFAULTS.items() if default} == {
        "hours_since_last_sync": 168.0,
        "type_conflict_rate": 0.02,
        "tenant_conflict_share": 0.05,
        "user_push_conflict_rate": 0.05,
        "user_open_log_seconds": math.log(86_400),
        "records_open": 1.0,
    }


def test_a_manifest_names_dtype_unit_default_and_meaning_of_each() -> None:
    assert [feature["name"] for feature in manifest_features()] == list(FEATURE_NAMES)
    assert all(set(feature) == {"name", "dtype", "unit", "default", "meaning"} for feature in manifest_features())
    assert {feature["dtype"] for feature in manifest_features()} == {"float64"}


def test_both_moments_are_known() -> None:
    assert MOMENTS == ("edit_start", "edit_open")
