"""Contributions are Shapley's values: what all orders of the features say one by one, for every kind of model."""

from dataclasses import replace
from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from runtime import CompiledModel, Contributions, Linear
from tests.runtime.reference import as_boosting, as_forest, as_linear, manifest

FEATURES = 4
KINDS = ("random_forest", "gradient_boosting", "logistic_regression")
ROW = st.lists(
    st.one_of(st.sampled_from([0.0, 1.0, 168.0]), st.floats(-1e3, 1e3)), min_size=FEATURES, max_size=FEATURES
)


def fitted(kind: str, features: int = FEATURES) -> CompiledModel:
    random = np.random.default_rng(1)
    x = random.normal(size=(400, features)) * 100
    x[random.random(x.shape) < 0.1] = 0.0
    y = x[:, 0] * x[:, 1] + 50 * x[:, -1] + random.normal(size=400) > 0
    match kind:
        case "random_forest":
            model = as_forest(RandomForestClassifier(n_estimators=12, max_depth=7, random_state=1).fit(x, y))
        case "gradient_boosting":
            model = as_boosting(HistGradientBoostingClassifier(max_iter=15, random_state=1).fit(x, y))
        case _:
            scaler = StandardScaler().fit(x)
            model = as_linear(scaler, LogisticRegression().fit(scaler.transform(x), y))
    return CompiledModel(manifest(features, kind), model)


def calibrated(kind: str) -> CompiledModel:
    """A forest with a sigmoid behind it: raw scores are probabilities, answers are log-odds."""
    model = as_forest(RandomForestClassifier(n_estimators=5, max_depth=3, random_state=1).fit(*small()))
    return CompiledModel(replace(manifest(FEATURES, kind), calibration={"slope": -3.0, "intercept": 2.0}), model)


def small() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(1).normal(size=(200, FEATURES)) * 100
    return x, x[:, 0] + x[:, 1] > 0


def cut() -> CompiledModel:
    """A regression that takes logarithms of two of its inputs and cuts all of them to a range."""
    logged = np.array([True, False, True, False])
    model = Linear(np.zeros(4), np.full(4, 2.0), np.array([1.0, -0.5, 0.3, 0.2]), -1.0, logged, -np.ones(4), np.ones(4))
    return CompiledModel(manifest(FEATURES, "logistic_regression"), model)


MODELS = {kind: fitted(kind) for kind in KINDS} | {"calibrated": calibrated("random_forest"), "cut": cut()}


def scored(model: CompiledModel, row: np.ndarray, scale: str) -> float:
    [p] = model.predict([row])
    return float(p if scale == "probability" else np.log(p) - np.log1p(-p))


def in_every_order(model: CompiledModel, x: np.ndarray, reference: np.ndarray, scale: str) -> np.ndarray:
    """By the definition: what each feature changes when it comes, on average over all orders in which they may come."""
    parts = np.zeros(len(x))
    for order in permutations(range(len(x))):
        row = reference.copy()
        for feature in order:
            before = scored(model, row, scale)
            row[feature] = x[feature]
            parts[feature] += scored(model, row, scale) - before
    return parts / factorial(len(x))


def adds_up(found: Contributions) -> None:
    assert found.reference + found.values.sum() == pytest.approx(found.score, abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("kind", MODELS)
@settings(max_examples=25, deadline=None)
@given(ROW, ROW)
def test_they_are_what_all_orders_say(kind, row, other):
    model, x, reference = MODELS[kind], np.array(row), np.array(other)
    if kind == "logistic_regression":  # where a probability still tells its log-odds
        x, reference = x / 100, reference / 100
    found = model.contributions(x, reference)
    assert found.values == pytest.approx(in_every_order(model, x, reference, found.scale), abs=1e-6)


@pytest.mark.parametrize("kind", MODELS)
@settings(max_examples=100, deadline=None)
@given(ROW, ROW)
def test_they_add_up_to_the_answer_and_nothing_comes_of_what_is_as_in_the_reference(kind, row, other):
    model, x, reference = MODELS[kind], np.array(row), np.array(other)
    x[2] = reference[2]
    found = model.contributions(x, reference)
    adds_up(found)
    assert found.values[2] == 0.0
    p = float(model.predict([x])[0])
    assert p == (
        found.score if found.scale == "probability" else pytest.approx(1 / (1 + np.exp(-found.score)), rel=1e-9)
    )


@pytest.mark.parametrize("kind", ["random_forest", "gradient_boosting"])
def test_they_add_up_with_many_features_and_missing_ones(kind):
    model, random = fitted(kind, features=90), np.random.default_rng(3)
    x, reference = random.normal(size=(2, 90)) * 100
    if kind == "gradient_boosting":
        x[::3] = np.nan
    adds_up(model.contributions(x, reference))


def test_rows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="two rows of 4"):
        MODELS["random_forest"].contributions([0.0] * 5, [0.0] * 4)
