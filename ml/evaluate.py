"""How good are the scores? One protocol for every model and every baseline.

Functions of labels and scores, nothing fitted. Intervals resample whole pushes: the edits of one push share their
fate, and counting them as independent would make every interval too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_curve, roc_auc_score

from ml.features import TARGET
from ml.splits import PUSH

Labels = NDArray[np.bool_]
Scores = NDArray[np.float64]
Metrics = dict[str, float]

RESAMPLES: Final = 300
CALIBRATION_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


def measure(labels: Labels, scores: Scores, threshold: float) -> Metrics:
    """Every figure of one slice. Those that need both classes are left out of a slice that has one."""
    metrics = {
        "rows": float(len(labels)),
        "positives": float(labels.sum()),
        "base_rate": float(labels.mean()) if len(labels) else 0.0,
    }
    if len(labels) == 0:
        return metrics
    metrics |= {"brier": float(brier_score_loss(labels, scores))}
    metrics |= {"calibration_error": calibration_error(labels, scores)} | at_threshold(labels, scores, threshold)
    return metrics | (_ranking(labels, scores) if 0 < labels.sum() < len(labels) else {})


def at_threshold(labels: Labels, scores: Scores, threshold: float) -> Metrics:
    """What warning at scores >= threshold would have meant. No warnings: precision 0.

    `averted_per_100_warnings` is what it comes to when every warning is heeded; where half are, it is half.
    """
    warned = scores >= threshold
    hits = float((warned & labels).sum())
    precision = hits / warned.sum() if warned.any() else 0.0
    recall = hits / labels.sum() if labels.any() else 0.0
    return {
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(2 * precision * recall / (precision + recall)) if hits else 0.0,
        "warnings_per_100_edits": 100.0 * float(warned.mean()),
        "averted_per_100_warnings": 100.0 * float(precision),
    }


def calibration_error(labels: Labels, scores: Scores) -> float:
    """The mean gap between score and frequency over ten bins of equally many rows, weighted by rows."""
    bins = np.array_split(np.argsort(scores, kind="stable"), CALIBRATION_BINS)
    gaps = [abs(float(scores[rows].mean() - labels[rows].mean())) * len(rows) for rows in bins if len(rows)]
    return sum(gaps) / len(labels)


def by_group(frame: pd.DataFrame, scores: Scores, threshold: float, column: str) -> dict[str, Metrics]:
    """`measure` for every value of a column (moment, tenant_id)."""
    labels, groups = frame[TARGET].to_numpy(), frame[column].to_numpy()
    return {
        str(group): measure(labels[groups == group], scores[groups == group], threshold)
        for group in sorted(set(groups))
    }


def pr_auc_interval(frame: pd.DataFrame, scores: Scores) -> Interval:
    """The 95 % interval of PR-AUC over resampled pushes."""
    return _interval(_resampled(frame, {"model": scores})["model"])


def pr_auc_difference(frame: pd.DataFrame, ours: Scores, theirs: Scores) -> Interval:
    """The 95 % interval of PR-AUC(ours) - PR-AUC(theirs), both on the same resamples."""
    drawn = _resampled(frame, {"ours": ours, "theirs": theirs})
    return _interval(drawn["ours"] - drawn["theirs"])


def _ranking(labels: Labels, scores: Scores) -> Metrics:
    precision, recall, _ = precision_recall_curve(labels, scores)
    # the curve's last point (precision 1 at recall 0) belongs to no threshold
    precision, recall = precision[:-1], recall[:-1]
    return {
        "pr_auc": float(average_precision_score(labels, scores)),
        "roc_auc": float(roc_auc_score(labels, scores)),
        **{f"precision_at_recall_{r}": float(precision[recall >= r / 100].max(initial=0.0)) for r in (30, 60)},
        **{f"recall_at_precision_{p}": float(recall[precision >= p / 100].max(initial=0.0)) for p in (50, 70)},
    }


def _resampled(frame: pd.DataFrame, scores: Mapping[str, Scores]) -> dict[str, NDArray[np.float64]]:
    """PR-AUC of each scoring on the same RESAMPLES draws of pushes; draws without a conflict are left out."""
    labels = frame[TARGET].to_numpy()
    push = frame.groupby(PUSH, sort=False).ngroup().to_numpy()
    pushes = int(push.max()) + 1
    rng = np.random.default_rng(0)
    ranked = {name: _Ranked(labels, values) for name, values in scores.items()}
    drawn: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(RESAMPLES):
        weights = np.bincount(rng.integers(0, pushes, pushes), minlength=pushes)[push]
        if (weights * labels).any():
            for name, ranking in ranked.items():
                drawn[name].append(ranking.pr_auc(weights))
    return {name: np.asarray(values) for name, values in drawn.items()}


class _Ranked:
    """Scores sorted once, so that PR-AUC under many weightings needs no further sort; equal to scikit-learn's."""

    def __init__(self, labels: Labels, scores: Scores) -> None:
        self._order = np.argsort(-scores, kind="stable")
        self._labels = labels[self._order]
        # rows of one score are warned of together: a rank ends where the score changes
        self._ends = np.flatnonzero(np.diff(scores[self._order], append=-np.inf))

    def pr_auc(self, weights: NDArray[np.int64]) -> float:
        ordered = weights[self._order]
        warned = np.cumsum(ordered)[self._ends]
        hits = np.cumsum(ordered * self._labels)[self._ends]
        precision = hits / np.maximum(warned, 1)
        return float((precision * np.diff(hits, prepend=0)).sum() / hits[-1])


def _interval(drawn: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(low), float(high))
