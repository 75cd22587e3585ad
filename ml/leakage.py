"""Does a feature know how the edit ends? No feature may tell more, by itself, than can be known when one asks.

That features are made of rows before their moment alone is proved where they are made: the warehouse is built with the
future cut away and must answer the same (tests), and every logged prediction is worked out again (parity). Here the
rows themselves are asked once more, whoever made them, before a model may serve that learnt from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from ml.evaluate import Scores, pr_auc_interval
from ml.features import DEFAULTS, FEATURE_NAMES, TARGET

# On real histories a model that is told the final fields, which no model may know, takes half of the way from guessing
# to certainty (ADR 15: PR-AUC .56 where guessing has .08). One feature that takes more knows the end.
MOST_KNOWABLE: Final = 0.65


@dataclass(frozen=True, slots=True)
class Leak:
    """A column that tells too much. `power` is the low end of its interval: 0 guesses, 1 is certain."""

    name: str
    power: float


def leaks(frame: pd.DataFrame) -> list[Leak]:
    """The features of `frame` that, read upwards or downwards, rank conflicts better than can be; the worst first.

    Needs both classes; a frame without has nothing to tell and answers none.
    """
    if frame[TARGET].nunique() < 2:
        return []
    columns = frame[list(FEATURE_NAMES)].fillna(DEFAULTS)
    found = [Leak(name, _power(frame, columns[name].to_numpy(dtype=np.float64))) for name in FEATURE_NAMES]
    return sorted((leak for leak in found if leak.power > MOST_KNOWABLE), key=lambda leak: -leak.power)


def power(frame: pd.DataFrame, scores: Scores) -> float:
    """How far scores come from guessing (0) to certainty (1) in PR-AUC, at the low end of the interval by push."""
    base = float(frame[TARGET].mean())
    return (pr_auc_interval(frame, scores).low - base) / (1.0 - base)


def _power(frame: pd.DataFrame, values: Scores) -> float:
    labels = frame[TARGET].to_numpy()
    better = max((values, -values), key=lambda ranking: float(average_precision_score(labels, ranking)))
    return power(frame, better) if average_precision_score(labels, better) > MOST_KNOWABLE else 0.0
