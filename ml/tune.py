"""Choosing settings: every candidate is fitted on the past and scored on the stretch after it, several times over.

Given settings come first; `ml.search` makes of their scores what is tried next. Only the training slice is touched. The
work goes through joblib, so that a cluster's backend can take its place; what becomes of the trials (runs, logs) is the
caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import perf_counter
from types import MappingProxyType
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
from ml.sampling import MOST_CONFLICTS, some_pushes, thinned
from ml.search import ASKED, suggestions
from ml.splits import folds_by_time

FOLDS: Final = 3
# after the given settings; which of them are best is a matter of hundredths
ROUNDS: Final = 3
# which settings do well shows in fewer rows than are worth learning from, and a search fits many times
TRIED_CONFLICTS: Final = 2_500
JUDGED_ROWS: Final = 40_000
# what a trial learns from, and what came after it
Fold = tuple[pd.DataFrame, pd.DataFrame]


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


def planned(candidates: Sequence[Candidate], rounds: int = ROUNDS) -> int:
    """How many trials that makes, at most: what is asked for twice is tried once."""
    asked = {candidate.model_type: ASKED[candidate.model_type] for candidate in candidates}
    return len(candidates) + rounds * sum(asked.values())


def tune(
    train: pd.DataFrame,
    candidates: Sequence[Candidate],
    on_trial: Callable[[Trial, int], None],
    *,
    rounds: int = ROUNDS,
    known: Mapping[str, Trial] = MappingProxyType({}),
) -> list[Trial]:
    """Score `candidates`, then in rounds what the optimiser makes of the scores, on expanding folds of `train`.

    `known` holds finished trials of the same rows by name: they are taken as they are. `on_trial` is called with each
    other trial, and how many are done, as they finish. Answers candidates first, then round by round: the same for
    the same rows, wherever it was interrupted and however many work on it.
    """
    folds = [
        (train.iloc[past], some_pushes(train.iloc[later], JUDGED_ROWS)) for past, later in folds_by_time(train, FOLDS)
    ]
    finished: dict[str, Trial] = {}
    wanted = list(candidates)
    for number in range(rounds + 1):
        if number:
            wanted = suggestions([(trial.candidate, trial.pr_auc) for trial in finished.values()], number)
        names = dict.fromkeys(c.name for c in wanted if c.name not in finished)
        ready = {name: known[name] for name in names if name in known}
        for trial in _tried([c for c in wanted if c.name in names and c.name not in ready], folds):
            ready[trial.candidate.name] = trial
            on_trial(trial, len(finished) + len(ready))
        finished |= {name: ready[name] for name in names}
    return list(finished.values())


def _tried(candidates: Sequence[Candidate], folds: Sequence[Fold]) -> Iterator[Trial]:
    """A trial of each, as they finish."""
    # trees are grown outside the interpreter's lock: threads share the data and need no start-up
    work = Parallel(n_jobs=-1, prefer="threads", return_as="generator_unordered")
    different = {candidate.name: candidate for candidate in candidates}
    yield from work(delayed(_trial)(candidate, folds) for candidate in different.values())


def best_of_each_type(trials: Sequence[Trial]) -> list[Trial]:
    """The winner among the settings of each model type; the first listed wins a tie."""
    best: dict[str, Trial] = {}
    for trial in trials:
        held = best.get(trial.candidate.model_type)
        if held is None or trial.pr_auc > held.pr_auc:
            best[trial.candidate.model_type] = trial
    return list(best.values())


def fit(candidate: Candidate, frame: pd.DataFrame, *, most: int = MOST_CONFLICTS) -> Pipeline:
    """The candidate fitted to a frame; of a large one to `most` conflicts and, weighted, a share of the rest."""
    rows, weights = thinned(frame, most=most)
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


def _trial(candidate: Candidate, folds: Sequence[Fold]) -> Trial:
    started = perf_counter()
    scores = [_score(candidate, past, later) for past, later in folds]
    return Trial(candidate, tuple(s for s in scores if s is not None), perf_counter() - started)


def _score(candidate: Candidate, past: pd.DataFrame, later: pd.DataFrame) -> float | None:
    if past[TARGET].nunique() < 2 or not later[TARGET].any():
        return None
    return float(average_precision_score(later[TARGET], predict(fit(candidate, past, most=TRIED_CONFLICTS), later)))
