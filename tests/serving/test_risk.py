"""What may be said from a model's answer: levels, factors, the withheld arm, the words."""

import pytest

from runtime import CompiledModel
from serving import risk, wording
from serving.features import DEFAULTS
from serving.risk import Factor
from tests.serving.models import editors_stump, linear, manifest

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("probability", "level"), [(0.29, "low"), (0.3, "medium"), (0.69, "medium"), (0.7, "high"), (1.0, "high")]
)
def test_levels_begin_at_their_thresholds(probability, level):
    model = CompiledModel(manifest(), editors_stump(low=probability))
    assert risk.judge(model, [DEFAULTS])[0].level == level


def test_factors_are_what_the_model_would_do_without_them():
    weights = {"concurrent_editors": 1.0, "user_conflict_rate": 0.02, "field_overlap_score": 2.0}
    regression = linear([weights.get(name, 0.0) for name in DEFAULTS], intercept=-2.0)
    model = CompiledModel(manifest(model_type="logistic_regression"), regression)
    values = DEFAULTS | {"concurrent_editors": 1.0, "user_conflict_rate": 10.0, "field_overlap_score": 1.0}
    [verdict] = risk.judge(model, [values])
    assert [factor.feature for factor in verdict.factors] == [
        "field_overlap_score",
        "concurrent_editors",
        "user_conflict_rate",
    ]
    for factor in verdict.factors:
        [without] = risk.judge(model, [values | {factor.feature: DEFAULTS[factor.feature]}])
        assert factor.effect == pytest.approx(verdict.probability - without.probability)
        assert factor.value == values[factor.feature]


def test_a_low_risk_names_no_factors():
    assert risk.judge(CompiledModel(manifest(), editors_stump()), [DEFAULTS])[0].factors == ()


def test_what_is_said_for_a_withheld_warning_is_never_a_risk():
    model = CompiledModel(manifest(), editors_stump(low=0.95))
    said = risk.unremarkable(model)
    assert (said.level, said.factors) == ("low", ())
    assert said.probability < model.manifest.medium_threshold


def test_an_edit_keeps_its_arm_and_about_the_share_is_withheld():
    arms = [risk.arm(KEY, 0.2, "acme", "ann", "task", f"t{i}", "2026-01-01") for i in range(2000)]
    assert arms == [risk.arm(KEY, 0.2, "acme", "ann", "task", f"t{i}", "2026-01-01") for i in range(2000)]
    assert 300 < arms.count("withheld") < 500
    assert arms != [risk.arm(b"x" * 32, 0.2, "acme", "ann", "task", f"t{i}", "2026-01-01") for i in range(2000)]


@pytest.mark.parametrize(("share", "arm"), [(0.0, "shown"), (1.0, "withheld")])
def test_none_and_all_can_be_withheld(share, arm):
    assert {risk.arm(KEY, share, "acme", "ann", "task", f"t{i}", "e") for i in range(200)} == {arm}


QUIET = "Your change to this task is likely to conflict. Sync now, or talk to the others first."


def test_a_warning_names_facts_in_the_order_of_their_weight():
    values = DEFAULTS | {"concurrent_editors": 2.0, "hours_since_last_sync": 100.0}
    factors = (Factor("concurrent_editors", 2.0, 0.4), Factor("hours_since_last_sync", 100.0, 0.1))
    assert wording.warning("work_order", values, 3, factors) == (
        "Your change to this work order is likely to conflict: your copy of the work order is 3 versions behind; "
        "2 other people are working on it right now; you last synced it 4 days ago. "
        "Sync now, or talk to the others first."
    )


@pytest.mark.parametrize(
    ("feature", "values", "fact"),
    [
        ("fields_behind", {"fields_behind": 1.0}, "1 field that you edit has changed since your copy"),
        ("fields_behind_share", {"fields_behind": 2.0}, "2 fields that you edit have changed since your copy"),
        ("open_overlap_recent", {"open_fields_shared": 2.0}, "somebody else is editing 2 fields of yours right now"),
        ("open_edits_same_user", {"open_edits_same_user": 1.0}, "you have it open on 1 other device"),
        ("open_same_base", {"open_edits": 3.0}, "it is open in 3 other places"),
        (
            "record_conflicts_180d",
            {"record_conflicts_180d": 2.0},
            "changes to this task have collided 2 times in the last six months",
        ),
        ("edit_age_hours", {"edit_age_hours": 73.0}, "you have had it open for 3 days"),
        ("records_open", {"records_open": 4.0}, "4 records would go out together"),
    ],
)
def test_what_was_announced_is_told_as_a_fact(feature, values, fact):
    said = wording.warning("task", DEFAULTS | values, 0, (Factor(feature, 1.0, 0.3),))
    assert said == f"Your change to this task is likely to conflict: {fact}. Sync now, or talk to the others first."


def test_every_feature_but_what_was_announced_at_all_has_words():
    wordless = {name for name in DEFAULTS if wording.warning("task", DEFAULTS, 0, (Factor(name, 1.0, 0.3),)) == QUIET}
    # what versions_behind tells stands at the beginning of every warning
    assert wordless == {"is_announced", "versions_behind", "hours_behind"}


def test_a_warning_without_reasons_is_still_a_sentence():
    assert wording.warning("task", DEFAULTS, 0, ()) == QUIET
