"""Where to warn: the threshold is chosen on the validation slice, with its reason, and never looks at the holdout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from ml.evaluate import Labels, Scores

TARGET_PRECISION: Final = 0.7
# On six real histories: the lowest at which no more than five hints are shown for each conflict that heeding them
# averts for certain, whether half of the clients announce or all (docs/model-quality.md)
MEDIUM_PRECISION: Final = 0.4
# a precision that rests on fewer warnings than this is luck
MIN_WARNINGS: Final = 20


@dataclass(frozen=True, slots=True)
class Threshold:
    """Scores from `value` on are a warning, from `medium` on worth a hint; `reason` says why `value` is where it is."""

    value: float
    medium: float
    reason: str


def choose(labels: Labels, scores: Scores) -> Threshold:
    """The most recall at a precision of 0.7 or more; where the slice has no such threshold, the best F1.

    Raises ValueError when the slice has no conflict to choose by.
    """
    if not labels.any():
        raise ValueError("a threshold cannot be chosen on a slice without conflicts")
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    precision, recall = precision[:-1], recall[:-1]
    warnings = len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")
    precise = (precision >= TARGET_PRECISION) & (warnings >= MIN_WARNINGS)
    if precise.any():
        best = int(np.argmax(np.where(precise, recall, -1.0)))
        reason = "most recall at a precision of 0.7 or more on validation"
    else:
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        best = int(np.argmax(f1))
        reason = "best F1 on validation: no threshold there reached a precision of 0.7"
    value = float(thresholds[best])
    at = f" (precision {precision[best]:.2f}, recall {recall[best]:.2f} there)"
    return Threshold(
        value, _medium(thresholds[(precision >= MEDIUM_PRECISION) & (warnings >= MIN_WARNINGS)], value), reason + at
    )


def _medium(worth: NDArray[np.float64], value: float) -> float:
    """The lowest of those that are worth a hint; half of `value` where none below it is."""
    below = worth[worth < value]
    return float(below.min()) if len(below) else value / 2
