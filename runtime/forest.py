"""A random forest as flat arrays, walked level by level over rows and trees at once; equal to sklearn to the bit.

What makes it equal: inputs are rounded to float32 and compared, as float64, with float64 thresholds (`<=` goes
left); NaN goes the way that the split learned; probabilities are added tree after tree, starting from nothing,
and divided once at the end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Steps (rows x trees) walked at once: few enough for the working arrays to stay in the cache.
BLOCK_STEPS = 16_384
MAX_ROWS = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """N nodes of T trees. `roots` (T), `left` and `right` (N) are node numbers, a child's greater than its parent's;
    `feature` is -1 at a leaf. `value` is P(class 1) at the node; `missing_left` tells where NaN goes.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    missing_left: NDArray[np.bool_]

    def check(self, n_features: int) -> None:
        """Raises ValueError when a walk could leave the arrays, never end, or answer no probability."""
        nodes = len(self.feature)
        arrays = (self.threshold, self.left, self.right, self.value, self.missing_left)
        if len(self.roots) == 0 or any(array.shape != (nodes,) for array in (self.feature, *arrays)):
            raise ValueError("the arrays of the forest do not fit each other")
        inner = self.feature >= 0
        number = np.arange(nodes)[inner]
        children = np.stack([self.left[inner], self.right[inner]])
        if (self.roots < 0).any() or (self.roots >= nodes).any() or (self.feature >= n_features).any():
            raise ValueError("a root or a feature of the forest does not exist")
        if (children <= number).any() or (children >= nodes).any():
            raise ValueError("a child in the forest does not follow its parent")
        # class weights can carry a pure leaf past 1 by the last bit
        if not ((self.value >= 0) & (self.value <= 1 + 1e-9)).all() or np.isnan(self.threshold[inner]).any():
            raise ValueError("the forest holds something that is no probability or no threshold")


class ForestEvaluator:
    """The arrays laid out for walking. A leaf is its own child, so that every row takes the same number of steps."""

    def __init__(self, forest: Forest) -> None:
        nodes = np.arange(len(forest.feature), dtype=np.intp)
        is_leaf = forest.feature < 0
        # np.take is fastest with the platform's own index type
        self._feature = np.where(is_leaf, 0, forest.feature).astype(np.intp)
        self._threshold = np.where(is_leaf, np.inf, forest.threshold)
        self._children = np.empty(2 * len(nodes), dtype=np.intp)
        self._children[0::2] = np.where(is_leaf, nodes, forest.left)
        self._children[1::2] = np.where(is_leaf, nodes, forest.right)
        self._missing_right = ~forest.missing_left & ~is_leaf
        self._value = forest.value.astype(np.float64)
        self._roots = forest.roots.astype(np.intp)
        self._depths = _depths(self._children, self._roots)

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(class 1) of each row: float64[n, F] -> float64[n]. Memory is bounded whatever n is."""
        rounded = np.ascontiguousarray(x, dtype=np.float32).astype(np.float64)
        if len(rounded) == 0:
            return np.empty(0)
        starts = range(0, len(rounded), MAX_ROWS)
        return np.concatenate([self._predict_rows(rounded[start : start + MAX_ROWS]) for start in starts])

    def _predict_rows(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        n, trees = len(x), len(self._roots)
        total = np.zeros(n)
        has_nan = bool(np.isnan(x).any())
        block = max(1, BLOCK_STEPS // n)
        for first in range(0, trees, block):
            leaves = self._value.take(self._walk(x, slice(first, first + block), has_nan)).reshape(-1, n)
            # one addition after the other: numpy's own sum adds in pairs and differs in the last bit
            leaves[0] += total
            total = np.add.accumulate(leaves, axis=0)[-1]
        return total / trees

    def _walk(self, x: NDArray[np.float64], trees: slice, has_nan: bool) -> NDArray[np.intp]:
        """The leaf of every (tree, row), tree by tree, as one flat array."""
        n, n_features = x.shape
        flat = x.reshape(-1)
        node = np.repeat(self._roots[trees], n)
        row = np.tile(np.arange(n, dtype=np.intp) * n_features, len(self._roots[trees])) if n > 1 else None
        for _ in range(self._depths[trees].max(initial=0)):
            cell = self._feature.take(node)
            if row is not None:
                cell += row
            seen = flat.take(cell)
            right = seen > self._threshold.take(node)
            if has_nan:
                right |= np.isnan(seen) & self._missing_right.take(node)
            node += node
            node += right
            node = self._children.take(node)
        return node


def _depths(children: NDArray[np.intp], roots: NDArray[np.intp]) -> NDArray[np.intp]:
    """The number of steps from each root to its deepest leaf."""
    depth = np.zeros(len(roots), dtype=np.intp)
    tree = np.arange(len(roots), dtype=np.intp)
    node = roots
    while True:
        step = np.stack([children[2 * node], children[2 * node + 1]])
        inner = step[0] != node
        if not inner.any():
            return depth
        tree, node = np.concatenate([tree[inner]] * 2), step[:, inner].reshape(-1)
        depth[tree] += 1
