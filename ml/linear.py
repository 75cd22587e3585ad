"""The regression: how its inputs are tamed, and how its coefficients keep the signs that are known beforehand.

A straight line runs on for ever. Counts and hours have no upper end, so they go in as logarithms, and no input counts
beyond what the past held: nobody gets an answer from where nothing was learnt. What is fitted stays scikit-learn's own
class, so that whoever loads it needs no code of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from ml.features import FEATURES

# what is measured in anything else grows without end
BOUNDED_UNITS: Final = frozenset({"0 or 1", "share", "percent", "probability", "ln s"})
LOGGED: Final = frozenset(feature.name for feature in FEATURES if feature.unit not in BOUNDED_UNITS)
STEPS: Final = 1000
# of the gradient: far below what a coefficient shows
EXACTLY: Final = 1e-7

Table = NDArray[np.float64]


def logarithm() -> FunctionTransformer:
    """ln(1 + x)."""
    return FunctionTransformer(np.log1p)


def tamed() -> list[tuple[str, MinMaxScaler | StandardScaler]]:
    """The steps between the filled (and partly logged) inputs and the regression: cut to the past's range, scaled."""
    return [("range", MinMaxScaler(clip=True)), ("scale", StandardScaler())]


def fitted(
    model: LogisticRegression, x: Table, labels: NDArray[np.bool_], weights: Table, signs: Sequence[int]
) -> LogisticRegression:
    """The regression fitted with no coefficient below 0 where `signs` has a 1: the optimum of the same objective.

    float64[n, F], bool[n], float64[n] (what a row stands for).
    """
    model.fit(x, labels, sample_weight=weights)
    least = np.where(np.asarray(signs) == 1, 0.0, -np.inf)
    free = model.coef_[0]
    if (free < least).any():
        start = np.append(np.maximum(free, least), model.intercept_)
        bounds = [*((low, np.inf) for low in least), (-np.inf, np.inf)]
        found = minimize(
            _loss, start, (x, labels.astype(np.float64), weights, model.C), "L-BFGS-B", jac=True, bounds=bounds,
            options={"maxiter": STEPS, "gtol": EXACTLY, "ftol": 1e-15},
        )  # fmt: skip
        model.coef_, model.intercept_ = found.x[None, :-1], found.x[-1:]
    return model


def _loss(at: Table, x: Table, labels: Table, weights: Table, c: float) -> tuple[float, Table]:
    """What scikit-learn minimises, for a row on average, and its gradient: mean log-loss + |coef|^2 / (2 C n)."""
    coef, total = at[:-1], weights.sum()
    z = x @ coef + at[-1]
    residual = weights * (expit(z) - labels) / total
    loss = float(weights @ (np.logaddexp(0.0, z) - labels * z)) / total + coef @ coef / (2 * c * total)
    return float(loss), np.append(residual @ x + coef / (c * total), residual.sum())
