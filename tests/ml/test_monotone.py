"""More of what makes for conflicts never lowers the risk: for every kind of candidate, far from what was learnt too."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from ml import linear
from ml.calibration import calibrated
from ml.compile import compiled, matrix
from ml.estimators import Candidate
from ml.features import DEFAULTS, FEATURE_NAMES, TARGET, manifest_features
from ml.monotone import RISING, ROUNDING, falls, signs
from ml.push_level import questions
from ml.splits import Split, split
from ml.tune import fit, predict
from runtime import CompiledModel, Linear, Manifest

KINDS = (
    Candidate("logistic_regression", {"C": 1.0}),
    Candidate("random_forest", {"max_depth": 8, "min_samples_leaf": 10, "max_features": 2}),
    Candidate("gradient_boosting", {"learning_rate": 0.05, "max_iter": 60, "max_features": 0.4}),
)
RAISED = [name for name in FEATURE_NAMES if name in RISING]
VALUE = st.one_of(st.sampled_from([0.0, 1.0, 168.0]), st.floats(0, 5), st.floats(0, 1e7))
ROW = st.lists(VALUE, min_size=len(FEATURE_NAMES), max_size=len(FEATURE_NAMES))


def served(candidate: Candidate, slices: Split) -> CompiledModel:
    model = fit(candidate, slices.train)
    after = calibrated(model, slices.validation)
    manifest = Manifest(
        model_type=candidate.model_type,
        features=manifest_features(),
        threshold=0.5,
        medium_threshold=0.2,
        moments=["edit_start", "edit_open"],
        tenants=None,
        trained_until="2026-01-01T00:00:00+00:00",
        metrics={},
    )
    if after is not model:
        (sigmoid,) = after.calibrated_classifiers_[0].calibrators
        manifest = replace(manifest, calibration={"slope": sigmoid.a_, "intercept": sigmoid.b_})
    return CompiledModel(manifest, compiled(model))


# named by hand: the names of features come in another order in every process, and processes share these names
@pytest.fixture(
    scope="module",
    params=[
        pytest.param((kind, level), id=f"{kind.model_type}-{level}") for kind in KINDS for level in ("record", "push")
    ],
)
def model(request: pytest.FixtureRequest, slices: Split) -> CompiledModel:
    candidate, level = request.param
    return served(candidate, slices if level == "record" else split(questions(pd.concat([
        slices.train, slices.validation, slices.holdout,
    ]))))  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=ROW, name=st.sampled_from(RAISED), more=VALUE)
def test_raising_one_of_them_never_lowers_the_probability(
    model: CompiledModel, row: list[float], name: str, more: float
) -> None:
    raised = list(row)
    raised[FEATURE_NAMES.index(name)] += more
    before, after = model.predict([row, raised])
    assert after >= before - ROUNDING


def test_the_probe_finds_nothing_in_what_is_trained(model: CompiledModel, slices: Split) -> None:
    assert falls(model, slices.holdout) == []


def test_a_client_hundreds_of_versions_behind_is_at_risk(model: CompiledModel, slices: Split) -> None:
    """It began from version 1 of a record that is on version 400; no row of the past is."""
    assert slices.train["versions_behind"].max() < 399
    far = {"is_announced": 1.0, "versions_behind": 399.0, "fields_behind": 3.0, "fields_behind_share": 1.0,
           "hours_behind": 2000.0}  # fmt: skip
    near = far | {"versions_behind": 1.0, "fields_behind": 1.0, "hours_behind": 1.0}
    distant, close, fresh = (_asked(model, features) for features in (far, near, {"is_announced": 1.0}))
    assert distant >= close >= fresh
    assert distant > slices.train[TARGET].mean() / 4


def test_what_the_past_teaches_the_wrong_way_round_weighs_nothing(slices: Split) -> None:
    """The regression fitted with bounds is the one that never saw the feature."""
    past = slices.train.copy()
    past["versions_behind"] = np.where(past[TARGET], 0.0, 50.0)
    weights = np.ones(len(past))
    fitted = KINDS[0].fit(past, weights)
    coef = fitted.named_steps["model"].coef_[0]
    assert coef[FEATURE_NAMES.index("versions_behind")] == 0.0
    assert (coef[np.array(signs(FEATURE_NAMES)) == 1] >= 0).all() and (coef > 0).sum() > 2
    without = KINDS[0].fit(past.assign(versions_behind=0.0), weights)
    assert np.allclose(predict(fitted, slices.holdout), predict(without, slices.holdout), atol=1e-4)


def test_where_no_bound_is_met_it_is_scikit_learn_s_own() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 3))
    labels, weights = x @ [1.0, 2.0, -1.0] + random.normal(size=500) > 0, random.uniform(0.5, 3, 500)
    own = LogisticRegression(C=0.3, tol=1e-8).fit(x, labels, sample_weight=weights)
    assert np.array_equal(
        linear.fitted(LogisticRegression(C=0.3, tol=1e-8), x, labels, weights, [1, 1, 0]).coef_, own.coef_
    )
    # a bound that binds moves the others to where, with it, the objective is least
    bound = linear.fitted(LogisticRegression(C=0.3, tol=1e-8), x, labels, weights, [1, 1, 1])
    two = LogisticRegression(C=0.3, tol=1e-8).fit(x[:, :2], labels, sample_weight=weights)
    assert bound.coef_[0] == pytest.approx([*two.coef_[0], 0.0], abs=1e-4)
    assert bound.intercept_ == pytest.approx(two.intercept_, abs=1e-4)


def test_the_probe_finds_what_falls_and_where_it_falls_furthest(slices: Split) -> None:
    """As a regression did that had seen few rows far behind: it ran on below one in a million."""
    width = len(FEATURE_NAMES)
    coef = np.zeros(width)
    coef[[FEATURE_NAMES.index("versions_behind"), FEATURE_NAMES.index("open_edits")]] = [-0.5, -0.001]
    coef[FEATURE_NAMES.index("hours_since_last_sync")] = -1.0  # may fall
    falling = CompiledModel(served(KINDS[0], slices).manifest, Linear(np.zeros(width), np.ones(width), coef, 0.0))
    found = falls(falling, slices.holdout)
    assert {fall.feature for fall in found} == {"versions_behind", "open_edits"}
    assert found[0].by > 0.1


def test_a_sigmoid_that_would_turn_the_order_round_is_not_taken(slices: Split) -> None:
    model = fit(KINDS[0], slices.train)
    turned = slices.validation.assign(**{TARGET: predict(model, slices.validation) < 0.01})
    assert calibrated(model, turned) is model


def _asked(model: CompiledModel, features: dict[str, float]) -> float:
    return float(model.predict(matrix(pd.DataFrame([DEFAULTS | features])))[0])
