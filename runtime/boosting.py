"""Gradient boosted trees: raw scores at the leaves, added to a baseline, then the logistic function.

What makes it equal to sklearn: inputs stay float64 (a forest rounds them), scores are added tree after tree, starting
from the baseline, and the logistic function is `runtime.sigmoid`'s.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime import contributions
from runtime.contributions import Contributions
from runtime.sigmoid import logistic
from runtime.trees import Trees, TreeWalker


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

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log-odds of each row: float64[n, F] -> float64[n]."""
        return self._walker.sum(np.ascontiguousarray(x), self._baseline)

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(class 1) of each row: float64[n, F] -> float64[n]."""
        return logistic(self.score(x))

    def contributions(self, x: NDArray[np.float64], reference: NDArray[np.float64]) -> Contributions:
        """Parts of the raw score, for one row: float64[F], float64[F]."""
        start, values = contributions.of_trees(self._walker, x, reference)
        return Contributions("log_odds", self._baseline + start, float(self.score(x[np.newaxis])[0]), values)
