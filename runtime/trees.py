"""Decision trees as flat arrays, walked level by level over rows and trees at once.

What a leaf's value means, how inputs are rounded and what becomes of the sum belong to the model made of the trees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Steps (rows x trees) walked at once: few enough for the working arrays to stay in the cache.
BLOCK_STEPS = 16_384
MAX_ROWS = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """N nodes of T trees. `roots` (T), `left` and `right` (N) are node numbers, a child's greater than its parent's;
    `feature` is -1 at a leaf. `value` counts at leaves; `x <= threshold` goes left, and NaN where `missing_left` says.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    missing_left: NDArray[np.bool_]

    def check(self, n_features: int) -> None:
        """Raises ValueError when a walk could leave the arrays or never end."""
        nodes = len(self.feature)
        arrays = (self.threshold, self.left, self.right, self.value, self.missing_left)
        if len(self.roots) == 0 or any(array.shape != (nodes,) for array in (self.feature, *arrays)):
            raise ValueError("the arrays of the trees do not fit each other")
        inner = self.feature >= 0
        number = np.arange(nodes)[inner]
        children = np.stack([self.left[inner], self.right[inner]])
        if (self.roots < 0).any() or (self.roots >= nodes).any() or (self.feature >= n_features).any():
            raise ValueError("a root or a feature of the trees does not exist")
        if (children <= number).any() or (children >= nodes).any():
            raise ValueError("a child in the trees does not follow its parent")
        if not np.array_equal(np.sort(np.concatenate([self.roots, *children])), np.arange(nodes)):
            raise ValueError("a node of the trees is neither a root nor the child of one other")
        if np.isnan(self.threshold[inner]).any():
            raise ValueError("the trees hold something that is no threshold")


class TreeWalker:
    """The arrays laid out for walking: level by level, all trees together, so that what one step reads lies close by,
    and a right child after its sibling. A leaf is its own left child, so that every row takes as many steps."""

    def __init__(self, trees: Trees) -> None:
        levels = _levels(trees)
        order = np.concatenate(levels)
        is_leaf = trees.feature[order] < 0
        place = np.empty(len(order), dtype=np.intp)
        place[order] = np.arange(len(order))
        # np.take is fastest with the platform's own index type
        self._feature = np.where(is_leaf, 0, trees.feature[order]).astype(np.intp)
        self._threshold = np.where(is_leaf, np.inf, trees.threshold[order])
        self._left = np.where(is_leaf, np.arange(len(order)), place[trees.left[order]])
        self._missing_right = ~trees.missing_left[order] & ~is_leaf
        self._value = trees.value[order].astype(np.float64)
        self._roots = place[trees.roots]
        self._depths = _depths(self._left, self._roots)

    def sum(self, x: NDArray[np.float64], start: float) -> NDArray[np.float64]:
        """`start` and every tree's leaf, added in order: float64[n, F] -> float64[n]. Memory is bounded for any n."""
        if len(x) == 0:
            return np.empty(0)
        parts = range(0, len(x), MAX_ROWS)
        return np.concatenate([self._sum_rows(x[first : first + MAX_ROWS], start) for first in parts])

    def _sum_rows(self, x: NDArray[np.float64], start: float) -> NDArray[np.float64]:
        n = len(x)
        total = np.full(n, start)
        has_nan = bool(np.isnan(x).any())
        block = max(1, BLOCK_STEPS // n)
        for first in range(0, len(self._roots), block):
            leaves = self._value.take(self._walk(x, slice(first, first + block), has_nan)).reshape(-1, n)
            # one addition after the other: numpy's own sum adds in pairs and differs in the last bit
            leaves[0] += total
            total = np.add.accumulate(leaves, axis=0)[-1]
        return total

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
            node = self._left.take(node)
            node += right
        return node

    def between(
        self, x: NDArray[np.float64], reference: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Every leaf that some mixture of the rows `x` and `reference` (float64[F]) reaches: values (float64[L]), and
        which features must be as in `x` and which as in `reference` for it to be reached (bool[L, F])."""
        node = self._roots
        own = np.zeros((len(node), len(x)), dtype=np.bool_)
        other = own
        leaves = []
        while len(node):
            left, place = self._left[node], np.arange(len(node))
            feature, is_leaf = self._feature[node], left == node
            leaves.append((self._value[node[is_leaf]], own[is_leaf], other[is_leaf]))
            x_right, reference_right = self._goes_right(x, node), self._goes_right(reference, node)
            parts = x_right != reference_right
            # where they do not part, one of the two is enough
            as_own = ~is_leaf & ~(parts & other[place, feature])
            as_other = ~is_leaf & parts & ~own[place, feature]
            own_after, other_after = own.copy(), other.copy()
            own_after[place, feature] |= parts
            other_after[place, feature] |= parts
            ways = (left + x_right)[as_own], (left + reference_right)[as_other]
            node = np.concatenate(ways)
            own, other = (
                np.concatenate([own_after[as_own], own[as_other]]),
                np.concatenate([other[as_own], other_after[as_other]]),
            )
        values, owns, others = zip(*leaves, strict=True)
        return np.concatenate(values), np.concatenate(owns), np.concatenate(others)

    def _goes_right(self, row: NDArray[np.float64], node: NDArray[np.intp]) -> NDArray[np.bool_]:
        seen = row[self._feature[node]]
        right: NDArray[np.bool_] = (seen > self._threshold[node]) | (np.isnan(seen) & self._missing_right[node])
        return right


def _levels(trees: Trees) -> list[NDArray[np.intp]]:
    """The nodes, level by level, siblings side by side."""
    levels = [trees.roots.astype(np.intp)]
    while len(inner := levels[-1][trees.feature[levels[-1]] >= 0]):
        levels.append(np.stack([trees.left[inner], trees.right[inner]], axis=1).reshape(-1).astype(np.intp))
    return levels


def _depths(left: NDArray[np.intp], roots: NDArray[np.intp]) -> NDArray[np.intp]:
    """The number of steps from each root to its deepest leaf."""
    depth = np.zeros(len(roots), dtype=np.intp)
    tree = np.arange(len(roots), dtype=np.intp)
    node = roots
    while True:
        inner = left[node] != node
        if not inner.any():
            return depth
        child = left[node[inner]]
        tree, node = np.concatenate([tree[inner]] * 2), np.concatenate([child, child + 1])
        depth[tree] += 1
