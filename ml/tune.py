"""Choosing settings: every candidate is fitted on the past and scored on the stretch after it, several times over.

Only the training slice is touched. The work goes through joblib, so that a cluster's backend can take its place; what
becomes of the trials (runs, logs) is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from ml.calibration import Fitted
from ml.estimators import Candidate
from ml.features import FEATURE_NAMES, TARGET
from ml.sampling import thinned
from ml.splits import folds_by_time

FOLDS: Final = 3
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate's PR-AUC on each fold that held a conflict, in order of time."""

    candidate: Candidate
    fold_pr_auc: tuple[float, ...]
    seconds: float

    @property
    def pr_auc(self) -> float:
        """The mean over folds; 0 when no fold could be scored."""
        return float(np.mean(self.fold_pr_auc)) if self.fold_pr_auc else 0.0


def tune(train: pd.DataFrame, candidates: Sequence[Candidate], on_trial: Callable[[Trial, int], None]) -> list[Trial]:
    """Score every candidate on expanding folds of `train`; answers in the order of `candidates`.

    `on_trial` is called with each trial, and how many are done, as they finish.
    """
    folds = list(folds_by_time(train, FOLDS))
    finished: dict[str, Trial] = {}
    # trees are grown outside the interpreter's lock: threads share the data and need no start-up
    work = Parallel(n_jobs=-1, prefer="threads", return_as="generator_unordered")
    for trial in work(delayed(_trial)(candidate, train, folds) for candidate in candidates):
        finished[trial.candidate.name] = trial
        on_trial(trial, len(finished))
    return [finished[candidate.name] for candidate in candidates]


def best_of_each_type(trials: Sequence[Trial]) -> list[Trial]:
    """The winner among the settings of each model type; the first listed wins a tie."""
    best: dict[str, Trial] = {}
    for trial in trials:
        held = best.get(trial.candidate.model_type)
        if held is None or trial.pr_auc > held.pr_auc:
            best[trial.candidate.model_type] = trial
    return list(best.values())


def fit(candidate: Candidate, frame: pd.DataFrame) -> Pipeline:
    """The candidate fitted to a frame; of a large one to all conflicts and, weighted, a share of the rest."""
    rows, weights = thinned(frame)
    with one_thread():
        return candidate.fit(rows, weights)


def predict(model: Fitted, frame: pd.DataFrame) -> NDArray[np.float64]:
    """P(conflict) of every row: float64[n]."""
    with one_thread():
        return np.asarray(model.predict_proba(frame[list(FEATURE_NAMES)])[:, 1], dtype=np.float64)


def one_thread() -> AbstractContextManager[object]:
    """Boosting in one thread: its own, a core each, wait for one another and cost more than they bring here."""
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="openmp")
    return limits


def _trial(candidate: Candidate, train: pd.DataFrame, folds: Sequence[tuple[Rows, Rows]]) -> Trial:
    started = perf_counter()
    scores = [_score(candidate, train.iloc[past], train.iloc[later]) for past, later in folds]
    return Trial(candidate, tuple(s for s in scores if s is not None), perf_counter() - started)


def _score(candidate: Candidate, past: pd.DataFrame, later: pd.DataFrame) -> float | None:
    if past[TARGET].nunique() < 2 or not later[TARGET].any():
        return None
    return float(average_precision_score(later[TARGET], predict(fit(candidate, past), later)))
