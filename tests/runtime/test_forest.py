"""The forest answers what sklearn answers, to the bit."""

from dataclasses import fields

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from runtime import CompiledModel, Forest
from runtime.trees import MAX_ROWS
from tests.runtime.reference import as_forest, manifest

FEATURES = 6


def rows(n: int, seed: int, share_missing: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, FEATURES)) * 10.0 ** random.integers(-3, 4, size=FEATURES)
    x[:, 0] = random.integers(0, 4, size=n)
    x[random.random(x.shape) < share_missing] = np.nan
    return x


def fitted(depth: int | None, *, trees: int = 25, share_missing: float = 0.0, **options) -> RandomForestClassifier:
    x = rows(800, seed=1, share_missing=share_missing)
    seen = np.nan_to_num(x)
    y = (seen[:, 0] + seen[:, 1] / 50 + np.random.default_rng(2).normal(size=len(x))) > 1.5
    return RandomForestClassifier(trees, max_depth=depth, random_state=3, **options).fit(x, y)


def compiled(model: RandomForestClassifier) -> CompiledModel:
    return CompiledModel(manifest(FEATURES), as_forest(model))


@pytest.mark.parametrize("depth", [1, 2, 5, 12, None])
@pytest.mark.parametrize("share_missing", [0.0, 0.15])
@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}], ids=["plain", "weighted"])
def test_equals_sklearn_to_the_bit(depth, share_missing, options):
    model = fitted(depth, share_missing=share_missing, **options)
    x = rows(500, seed=4, share_missing=share_missing)
    assert np.array_equal(compiled(model).predict(x), model.predict_proba(x)[:, 1])


def test_equals_sklearn_at_the_thresholds_themselves():
    model = fitted(12)
    forest = as_forest(model)
    inner = forest.feature >= 0
    feature, threshold = forest.feature[inner], forest.threshold[inner]
    x = rows(3 * len(feature), seed=5)
    places = np.arange(len(feature))
    x[places, feature] = threshold
    x[places + len(feature), feature] = np.nextafter(threshold.astype(np.float32), np.float32(np.inf))
    x[places + 2 * len(feature), feature] = np.nextafter(threshold, -np.inf)
    assert np.array_equal(compiled(model).predict(x), model.predict_proba(x)[:, 1])


@pytest.mark.parametrize("n", [0, 1, 2, 7, MAX_ROWS, MAX_ROWS + 1])
def test_a_row_answers_the_same_alone_and_in_a_batch_of_any_size(n):
    model = compiled(fitted(8))
    x = rows(MAX_ROWS + 1, seed=6)
    assert np.array_equal(model.predict(x[:n]), model.predict(x)[:n])
    if n:
        assert model.predict(x[n - 1 : n])[0] == model.predict(x)[n - 1]


def test_many_trees_are_added_in_order():
    model = fitted(6, trees=301)
    x = rows(50, seed=7)
    one_by_one = [compiled(model).predict(row[np.newaxis])[0] for row in x]
    assert np.array_equal(one_by_one, model.predict_proba(x)[:, 1])


def test_rows_of_the_wrong_width_are_refused():
    with pytest.raises(ValueError, match="6 features"):
        compiled(fitted(2)).predict(np.zeros((3, FEATURES + 1)))


@pytest.mark.parametrize(
    ("array", "value"),
    [
        ("left", 0),
        ("left", 2),
        ("left", 10**6),
        ("feature", FEATURES),
        ("roots", -1),
        ("value", np.nan),
        ("value", 1.5),
    ],
)
def test_a_forest_that_cannot_be_walked_is_refused(array, value):
    forest = as_forest(fitted(3))
    changed = {field.name: getattr(forest, field.name).copy() for field in fields(forest)}
    changed[array][0] = value
    with pytest.raises(ValueError, match="trees"):
        CompiledModel(manifest(FEATURES), Forest(**changed))
