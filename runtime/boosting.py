"""Gradient boosted trees: raw scores at the leaves, added to a baseline, then the logistic function.

What makes it equal to sklearn: inputs stay float64 (a forest rounds them), scores are added tree after tree, starting
from the baseline, and the exponential is the C library's, as scipy's `expit` takes it; numpy's own differs in the last
bit, which at a threshold decides whether somebody is warned.
"""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from runtime import contributions
from runtime.contributions import Contributions
from runtime.trees import Trees, TreeWalker

# exp of more would not fit a float64; the probability is below 1e-307 there
MAX_EXPONENT = 709.0


@dataclass(frozen=True, slots=True, eq=False)
class Boosting(Trees):
    """Trees whose `value` is added to the raw score (log-odds), and the score that they start from."""

    baseline: float

    def check(self, n_features: int) -> None:
        """Raises ValueError when a walk could leave the arrays, never end, or answer no number."""
        Trees.check(self, n_features)
        if np.ndim(self.baseline) or not np.isfinite(self.baseline) or not np.isfinite(self.value).all():
            raise ValueError("the trees of the boosting hold a score that is no finite number")


class BoostingEvaluator:
    """Boosted trees ready to answer."""

    def __init__(self, boosting: Boosting) -> None:
        self._walker = TreeWalker(boosting)
        self._baseline = float(boosting.baseline)

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(class 1) of each row: float64[n, F] -> float64[n]."""
        raw = self._raw(x)
        return np.array([1.0 / (1.0 + exp(min(-score, MAX_EXPONENT))) for score in raw.tolist()], dtype=np.float64)

    def contributions(self, x: NDArray[np.float64], reference: NDArray[np.float64]) -> Contributions:
        """Parts of the raw score, for one row: float64[F], float64[F]."""
        start, values = contributions.of_trees(self._walker, x, reference)
        return Contributions("log_odds", self._baseline + start, float(self._raw(x[np.newaxis])[0]), values)

    def _raw(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._walker.sum(np.ascontiguousarray(x), self._baseline)
