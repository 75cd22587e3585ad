"""Fewer rows for the same model: most edits end well, and a share of those says as much as all of them.

The rows that stay speak for those that were left out, by their weight: probabilities stay what they are. So fitting
costs what its conflicts cost, and no more than those of `MOST_CONFLICTS`, however long the history.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import TARGET
from ml.splits import PUSH

NEGATIVES_PER_POSITIVE: Final = 12
# of a small set every row counts
MIN_NEGATIVES: Final = 20_000
# twice what the past of six real histories holds, each edit counted as announced and as silent
MOST_CONFLICTS: Final = 20_000


def thinned(
    frame: pd.DataFrame, *, most: int = MOST_CONFLICTS, seed: int = 0
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """At most so many conflicts, and so many edits that ended well to each, drawn at random, with each row's weight."""
    is_conflict = frame[TARGET].to_numpy()
    draw = np.random.default_rng(seed)
    conflicts = _drawn(draw, np.flatnonzero(is_conflict), most)
    others = _drawn(draw, np.flatnonzero(~is_conflict), max(MIN_NEGATIVES, NEGATIVES_PER_POSITIVE * len(conflicts)))
    kept = np.sort(np.concatenate([conflicts, others]))
    weights = np.where(
        is_conflict[kept],
        is_conflict.sum() / max(1, len(conflicts)),
        (~is_conflict).sum() / max(1, len(others)),
    )
    return frame.iloc[kept], weights


def some_pushes(frame: pd.DataFrame, most_rows: int, *, seed: int = 0) -> pd.DataFrame:
    """Whole pushes drawn at random, about so many rows of them; all rows where there are no more. Order is kept.

    For measuring: the rows of a push share its fate, so a part of them would count as more than it is.
    """
    if len(frame) <= most_rows:
        return frame
    push = frame.groupby(PUSH, sort=False).ngroup().to_numpy()
    order = np.random.default_rng(seed).permutation(int(push.max()) + 1)
    rows_by_then = np.cumsum(np.bincount(push)[order])
    taken = order[: max(1, int(np.searchsorted(rows_by_then, most_rows, side="right")))]
    return frame.loc[np.isin(push, taken)]


def _drawn(draw: np.random.Generator, rows: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    if len(rows) <= most:
        return rows
    return np.delete(rows, draw.choice(len(rows), len(rows) - most, replace=False))
