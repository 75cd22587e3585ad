"""The regression answers what sklearn answers."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from runtime import CompiledModel, Linear, load, save
from runtime.files import ARRAY_TYPES, SINCE
from tests.runtime.reference import as_linear, manifest


def test_equals_sklearn_also_where_it_saturates():
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 5)) * [1, 10, 100, 0.01, 50]
    y = x[:, 0] + x[:, 1] / 10 + random.normal(size=500) > 0
    scaler = StandardScaler().fit(x)
    fitted = LogisticRegression().fit(scaler.transform(x), y)
    asked = np.vstack([x, x * 1e4])
    model = CompiledModel(manifest(5, "logistic_regression"), as_linear(scaler, fitted))
    expected = fitted.predict_proba(scaler.transform(asked))[:, 1]
    np.testing.assert_allclose(model.predict(asked), expected, rtol=0, atol=1e-12)


def cut(n: int) -> tuple[Linear, np.ndarray]:
    random = np.random.default_rng(1)
    logged = np.arange(n) % 2 == 0
    model = Linear(
        random.normal(size=n), random.uniform(0.5, 2, n), random.normal(size=n), 0.3,
        logged, np.zeros(n), np.full(n, 3.0),
    )  # fmt: skip
    return model, logged


def test_counts_go_in_as_logarithms_and_nothing_counts_beyond_the_range():
    linear, logged = cut(4)
    model = CompiledModel(manifest(4, "logistic_regression"), linear)
    x = np.array([[0.5, 2.0, 7.0, 3.0]])
    plain = replace(linear, is_logged=np.False_, low=np.float64(-np.inf), high=np.float64(np.inf))
    expected = CompiledModel(model.manifest, plain).predict(np.where(logged, np.log1p(x), x))
    assert model.predict(x) == expected
    top = np.where(logged, np.expm1(3.0), 3.0)[None, :]
    assert model.predict(top + 1e6) == pytest.approx(model.predict(top))
    assert model.predict(np.full((1, 4), -5.0)) == model.predict(np.zeros((1, 4)))


def test_what_is_cut_is_saved_and_a_folder_of_before_takes_everything_as_it_is(tmp_path):
    linear, _ = cut(4)
    x = np.random.default_rng(2).uniform(0, 50, (20, 4))
    served = CompiledModel(manifest(4, "logistic_regression"), linear)
    save(tmp_path / "new", served.manifest, linear, x, served.predict(x))
    assert np.array_equal(load(tmp_path / "new").predict(x), served.predict(x))

    old = Linear(linear.mean, linear.scale, linear.coef, linear.intercept)
    before = CompiledModel(manifest(4, "logistic_regression"), old)
    names = {k: v for k, v in ARRAY_TYPES[Linear].items() if k not in SINCE}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARRAY_TYPES, Linear, names)
        save(tmp_path / "old", before.manifest, old, x, before.predict(x))
    with np.load(tmp_path / "old" / "model.npz") as arrays:
        assert set(arrays.files) == set(names)
    assert np.array_equal(load(tmp_path / "old").predict(x), before.predict(x))


def test_a_range_that_is_none_is_refused():
    linear, _ = cut(4)
    with pytest.raises(ValueError, match="a range that is none"):
        CompiledModel(manifest(4, "logistic_regression"), replace(linear, high=np.full(4, -1.0)))
