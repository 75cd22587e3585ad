"""The regression answers what sklearn answers."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from runtime import CompiledModel
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
