"""Boosted trees answer what sklearn answers, to the bit."""

from dataclasses import fields

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from runtime import Boosting, CompiledModel
from runtime.trees import MAX_ROWS
from tests.runtime.reference import as_boosting, manifest


def rows(n: int, seed: int, *, features: int = 6, share_missing: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, features)) * 10.0 ** random.integers(-3, 4, size=features)
    x[:, 0] = random.integers(0, 4, size=n)
    x[random.random(x.shape) < share_missing] = np.nan
    return x


def fitted(x: np.ndarray, **options) -> HistGradientBoostingClassifier:
    seen = np.nan_to_num(x)
    y = seen[:, 0] + seen[:, 1] / 50 + np.random.default_rng(2).normal(size=len(x)) > 1.5
    settings = {"max_iter": 40, "early_stopping": False, "random_state": 3} | options
    return HistGradientBoostingClassifier(**settings).fit(x, y)


def compiled(model: HistGradientBoostingClassifier) -> CompiledModel:
    return CompiledModel(manifest(model.n_features_in_, "gradient_boosting"), as_boosting(model))


def assert_equal(model: HistGradientBoostingClassifier, x: np.ndarray) -> None:
    assert np.array_equal(compiled(model).predict(x), model.predict_proba(x)[:, 1])


@pytest.mark.parametrize("share_missing", [0.0, 0.15])
@pytest.mark.parametrize("features", [1, 6, 120])
@pytest.mark.parametrize("leaves", [2, 12, None])
def test_equals_sklearn_to_the_bit(share_missing, features, leaves):
    shape = {"features": max(features, 2), "share_missing": share_missing}
    model = fitted(rows(800, seed=1, **shape), max_leaf_nodes=leaves, max_features=0.4)
    assert_equal(model, rows(500, seed=4, **shape))


def test_equals_sklearn_at_the_thresholds_themselves():
    """Also a float64 that float32 would round onto the threshold, which is what a forest does with it."""
    model = fitted(rows(800, seed=1))
    trees = as_boosting(model)
    inner = (trees.feature >= 0) & np.isfinite(trees.threshold)
    feature, threshold = trees.feature[inner], trees.threshold[inner]
    x = rows(3 * len(feature), seed=5)
    places = np.arange(len(feature))
    x[places, feature] = threshold
    x[places + len(feature), feature] = np.nextafter(threshold, np.inf)
    x[places + 2 * len(feature), feature] = np.nextafter(threshold, -np.inf)
    assert_equal(model, x)


def test_missing_goes_where_the_split_learned_also_when_it_splits_by_missing_alone():
    x = rows(600, seed=1, share_missing=0.3)
    for missing_is_yes in (True, False):
        y = np.isnan(x[:, 1]) == missing_is_yes
        model = HistGradientBoostingClassifier(max_iter=5, early_stopping=False).fit(x, y)
        assert np.isinf(as_boosting(model).threshold).any()
        asked = x.copy()
        asked[::3, 1] = np.inf
        assert_equal(model, asked)


def test_trees_without_a_split_answer_the_baseline():
    x = rows(100, seed=1)
    model = fitted(x, min_samples_leaf=1000, max_iter=3)
    assert len(as_boosting(model).feature) == 3
    assert_equal(model, x)
    assert len(np.unique(compiled(model).predict(x))) == 1


@pytest.mark.parametrize("n", [0, 1, 2, 7, MAX_ROWS, MAX_ROWS + 1])
def test_a_row_answers_the_same_alone_and_in_a_batch_of_any_size(n):
    model = compiled(fitted(rows(800, seed=1), max_iter=260))
    x = rows(MAX_ROWS + 1, seed=6)
    assert np.array_equal(model.predict(x[:n]), model.predict(x)[:n])
    if n:
        assert model.predict(x[n - 1 : n])[0] == model.predict(x)[n - 1]


@pytest.mark.parametrize(("baseline", "expected"), [(-1e6, 0.0), (-708.0, 0.0), (0.0, 0.5), (40.0, 1.0), (1e6, 1.0)])
def test_a_score_far_out_saturates(baseline, expected):
    leaf = {"roots": np.zeros(1, np.int32), "feature": -np.ones(1, np.int32), "missing_left": np.zeros(1, np.bool_)}
    children = {"left": -np.ones(1, np.int32), "right": -np.ones(1, np.int32)}
    trees = Boosting(**leaf, **children, threshold=np.zeros(1), value=np.zeros(1), baseline=baseline)
    answer = CompiledModel(manifest(1, "gradient_boosting"), trees).predict([[1.0], [np.nan]])
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-300)


@pytest.mark.parametrize(
    ("array", "value"),
    [("left", 0), ("left", 10**6), ("feature", 6), ("roots", -1), ("value", np.nan), ("value", np.inf)],
)
def test_trees_that_cannot_be_walked_are_refused(array, value):
    trees = as_boosting(fitted(rows(200, seed=1)))
    changed = {field.name: np.array(getattr(trees, field.name)) for field in fields(trees)}
    changed[array][0] = value
    with pytest.raises(ValueError, match="trees"):
        CompiledModel(manifest(6, "gradient_boosting"), Boosting(**changed))


@pytest.mark.parametrize("baseline", [np.nan, np.inf, np.zeros(2)])
def test_a_baseline_that_is_no_number_is_refused(baseline):
    trees = as_boosting(fitted(rows(200, seed=1)))
    changed = {field.name: getattr(trees, field.name) for field in fields(trees)} | {"baseline": baseline}
    with pytest.raises(ValueError, match="finite number"):
        CompiledModel(manifest(6, "gradient_boosting"), Boosting(**changed))


def test_a_forest_is_no_boosting():
    with pytest.raises(ValueError, match="not a Boosting"):
        CompiledModel(manifest(6, "random_forest"), as_boosting(fitted(rows(200, seed=1))))
