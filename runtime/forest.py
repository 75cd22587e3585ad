"""A random forest: probabilities at the leaves, averaged; equal to sklearn to the bit.

What makes it equal: inputs are rounded to float32 and compared, as float64, with float64 thresholds; probabilities
are added tree after tree, starting from nothing, and divided once at the end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(class 1) of each row: float64[n, F] -> float64[n]."""
        rounded = np.ascontiguousarray(x, dtype=np.float32).astype(np.float64)
        return self._walker.sum(rounded, 0.0) / self._trees
