"""Fewer rows for the same model: most edits end well, and a share of those says as much as all of them.

The rows that stay speak for those that were left out, by their weight: probabilities stay what they are. So the cost of
fitting grows with the conflicts, not with the history.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import TARGET

NEGATIVES_PER_POSITIVE: Final = 12
# of a small set every row counts
MIN_NEGATIVES: Final = 20_000


def thinned(frame: pd.DataFrame, *, seed: int = 0) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Every conflict, and at most so many edits that ended well, drawn at random, with the weight of each row."""
    negatives = np.flatnonzero(~frame[TARGET].to_numpy())
    wanted = max(MIN_NEGATIVES, NEGATIVES_PER_POSITIVE * (len(frame) - len(negatives)))
    if len(negatives) <= wanted:
        return frame, np.ones(len(frame))
    left_out = np.random.default_rng(seed).choice(negatives, len(negatives) - wanted, replace=False)
    weights = np.where(frame[TARGET].to_numpy(), 1.0, len(negatives) / wanted)
    kept = np.delete(np.arange(len(frame)), left_out)
    return frame.iloc[kept], weights[kept]
