from ml.features import DEFAULTS, FEATURE_NAMES, MOMENTS, manifest_features


def test_the_five_features_stand_in_the_agreed_order_with_their_defaults() -> None:
    assert [(name, DEFAULTS[name]) for name in FEATURE_NAMES] == [
        ("concurrent_editors", 0.0),
        ("hours_since_last_sync", 168.0),
        ("user_conflict_rate", 0.0),
        ("entity_edit_frequency", 0.0),
        ("field_overlap_score", 0.0),
    ]


def test_a_manifest_names_dtype_unit_default_and_meaning_of_each() -> None:
    assert [feature["name"] for feature in manifest_features()] == list(FEATURE_NAMES)
    assert all(set(feature) == {"name", "dtype", "unit", "default", "meaning"} for feature in manifest_features())
    assert {feature["dtype"] for feature in manifest_features()} == {"float64"}


def test_both_moments_are_known() -> None:
    assert MOMENTS == ("edit_start", "edit_open")
