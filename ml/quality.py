"""How good answers were, once it is known what became of the edits: a few figures, each with an interval by push.

Pure functions of frames. A frame of answers has the columns ANSWERS; where they come from (the log of predictions, a
champion that scores past events) and what follows from the figures is `ml.monitoring`'s and the gate's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import TARGET
from ml.splits import PUSH

# the chance that was given, whether a warning was due, and how many such edits a row stands for
ANSWERS: Final = (*PUSH, "moment", "score", "warned", TARGET, "weight")
FIGURES: Final = ("base_rate", "precision", "recall", "pr_auc", "calibration_ratio")
# with fewer, an interval says more of chance than of the model
MIN_ROWS: Final = 50
MIN_POSITIVES: Final = 10
RESAMPLES: Final = 200
TAIL: Final = 0.025
CELLS_AT_ONCE: Final = 2_000_000

Draws = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts of rows, and figures where there were enough of them.

    `calibration_ratio` is what the scores promised over what came: 1 is right, 2 is twice as many as came. A figure
    that has no value (precision without a warning) is left out.
    """

    rows: int
    positives: int
    warnings: int
    figures: dict[str, Figure]

    @property
    def is_enough(self) -> bool:
        """Whether anything may be concluded. Too few is a state, not an error."""
        return self.rows >= MIN_ROWS and self.positives >= MIN_POSITIVES


def quality(answers: pd.DataFrame) -> Quality:
    """The figures of a frame of answers."""
    labels = answers[TARGET].to_numpy(dtype=bool)
    counted = Quality(len(answers), int(labels.sum()), int(answers["warned"].sum()), {})
    if not counted.is_enough:
        return counted
    weight = answers["weight"].to_numpy(dtype=np.float64)
    now = _figures(answers, weight[None, :])
    drawn = [_figures(answers, drawn * weight) for drawn in _draws(answers)]
    found = {}
    for name in FIGURES:
        spread = np.concatenate([figures[name] for figures in drawn])
        if np.isfinite(now[name][0]) and np.isfinite(spread).any():
            low, high = np.nanquantile(spread, [TAIL, 1 - TAIL])
            found[name] = Figure(float(now[name][0]), float(low), float(high))
    for name, column in (("precision", "warned"), ("recall", TARGET)):
        if name in found:
            of = answers.loc[answers[column].astype(bool), PUSH]
            found[name] = _never_certain(found[name], len(of.drop_duplicates()))
    return Quality(counted.rows, counted.positives, counted.warnings, found)


def _never_certain(share: Figure, pushes: int) -> Figure:
    """A share of none, or of all, has one value in every resample: there the exact binomial bound takes its place."""
    bound = TAIL ** (1 / pushes)
    if share.value == 0.0:
        return Figure(0.0, 0.0, 1.0 - bound)
    return Figure(1.0, bound, 1.0) if share.value == 1.0 else share


def _figures(answers: pd.DataFrame, weights: Draws) -> dict[str, NDArray[np.float64]]:
    """Each figure under each row of `weights`: float64[draws, rows] in, float64[draws] out."""
    labels = answers[TARGET].to_numpy(dtype=np.float64)
    warned, scores = answers["warned"].to_numpy(dtype=np.float64), answers["score"].to_numpy(dtype=np.float64)
    total, positives, warnings = weights.sum(axis=1), weights @ labels, weights @ warned
    hits = weights @ (labels * warned)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "base_rate": positives / total,
            "precision": hits / warnings,
            "recall": hits / positives,
            "pr_auc": _pr_auc(labels, scores, weights),
            "calibration_ratio": np.where(positives > 0, weights @ scores / positives, np.nan),
        }


def _pr_auc(labels: NDArray[np.float64], scores: NDArray[np.float64], weights: Draws) -> NDArray[np.float64]:
    """scikit-learn's average precision under many weightings; rows of one score are warned of together."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    ordered = weights[:, order]
    warned = np.cumsum(ordered, axis=1)[:, ends]
    hits = np.cumsum(ordered * labels[order], axis=1)[:, ends]
    precision = hits / np.where(warned > 0, warned, 1.0)
    found: NDArray[np.float64] = (precision * np.diff(hits, prepend=0.0, axis=1)).sum(axis=1) / hits[:, -1]
    return found


def _draws(answers: pd.DataFrame) -> list[Draws]:
    """How often each row is drawn when whole pushes are drawn with replacement; in blocks, to bound memory."""
    push = answers.groupby(PUSH, sort=False).ngroup().to_numpy()
    pushes = int(push.max()) + 1
    rng = np.random.default_rng(0)
    block = max(1, min(RESAMPLES, CELLS_AT_ONCE // len(push)))
    shares = np.full(pushes, 1.0 / pushes)
    sizes = [block] * (RESAMPLES // block) + [RESAMPLES % block] * bool(RESAMPLES % block)
    return [rng.multinomial(pushes, shares, size)[:, push].astype(np.float64) for size in sizes]
