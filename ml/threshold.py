"""Where to warn: the threshold is chosen on the validation slice, with its reason, and never looks at the holdout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from ml.evaluate import Labels, Scores

TARGET_PRECISION: Final = 0.7
# what is promised, and what a slice is asked for in turn where it has not that
PRECISIONS: Final = tuple(twentieths / 20 for twentieths in range(14, 3, -1))
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


def choose(labels: Labels, scores: Scores, precisions: Sequence[float] = PRECISIONS) -> Threshold:
    """The most recall at the first of `precisions` that the slice reaches; the best F1 where it reaches none.

    Steps, so that a warning more or less on a small slice moves the threshold a little, and not from one end of the
    scores to the other (docs/adr/0033). Raises ValueError when the slice has no conflict to choose by.
    """
    if not labels.any():
        raise ValueError("a threshold cannot be chosen on a slice without conflicts")
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    precision, recall = precision[:-1], recall[:-1]
    warnings = len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")
    most = precision[warnings >= MIN_WARNINGS].max(initial=0.0)
    reached = next((one for one in precisions if one <= most), None)
    if reached is not None:
        precise = (precision >= reached) & (warnings >= MIN_WARNINGS)
        best = int(np.argmax(np.where(precise, recall, -1.0)))
        reason = f"most recall at a precision of {reached:g} or more on validation"
        if reached < TARGET_PRECISION:
            reason += f", which has no threshold of {TARGET_PRECISION:g}"
    else:
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        best = int(np.argmax(f1))
        reason = f"best F1 on validation: no threshold there reached a precision of {precisions[-1]:g}"
    value = float(thresholds[best])
    at = f" (precision {precision[best]:.2f}, recall {recall[best]:.2f} there)"
    return Threshold(
        value, _medium(thresholds[(precision >= MEDIUM_PRECISION) & (warnings >= MIN_WARNINGS)], value), reason + at
    )


def _medium(worth: NDArray[np.float64], value: float) -> float:
    """The lowest of those that are worth a hint; half of `value` where none below it is."""
    below = worth[worth < value]
    return float(below.min()) if len(below) else value / 2
