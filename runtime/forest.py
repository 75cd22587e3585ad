"""A random forest: probabilities at the leaves, averaged; equal to sklearn to the bit.

What makes it equal: inputs are rounded to float32 and compared, as float64, with float64 thresholds; probabilities
are added tree after tree, starting from nothing, and divided once at the end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime import contributions
from runtime.contributions import Contributions
from runtime.trees import Trees, TreeWalker


@dataclass(frozen=True, slots=True, eq=False)
class Forest(Trees):
    """Trees whose `value` is P(class 1)."""

    def check(self, n_features: int) -> None:
        """Raises ValueError when a walk could leave the arrays, never end, or answer no probability."""
        Trees.check(self, n_features)
        # class weights can carry a pure leaf past 1 by the last bit
        if not ((self.value >= 0) & (self.value <= 1 + 1e-9)).all():
            raise ValueError("the trees of the forest hold something that is no probability")


class ForestEvaluator:
    """A forest ready to answer."""

    def __init__(self, forest: Forest) -> None:
        self._walker = TreeWalker(forest)
        self._trees = len(forest.roots)

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """A forest has no other score than the probability."""
        return self.predict(x)

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(class 1) of each row: float64[n, F] -> float64[n]."""
        return self._walker.sum(_rounded(x), 0.0) / self._trees

    def contributions(self, x: NDArray[np.float64], reference: NDArray[np.float64]) -> Contributions:
        """Parts of a probability, for one row: float64[F], float64[F]."""
        start, values = contributions.of_trees(self._walker, _rounded(x), _rounded(reference))
        score = self.predict(x[np.newaxis])[0]
        return Contributions("probability", start / self._trees, float(score), values / self._trees)


def _rounded(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ascontiguousarray(x, dtype=np.float32).astype(np.float64)
