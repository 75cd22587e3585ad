"""From trials to the one model that is put forward: each type's best settings, fitted, compared on validation.

The holdout is scored here and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sklearn.inspection import permutation_importance
from sklearn.metrics import average_precision_score

from ml.calibration import Fitted, calibrated
from ml.compile import parts
from ml.estimators import SEED, Candidate
from ml.evaluate import Metrics, Scores, measure
from ml.features import FEATURE_NAMES, TARGET
from ml.sampling import some_pushes
from ml.splits import Split
from ml.threshold import Threshold, choose
from ml.tune import Trial, fit, one_thread, predict

REPEATS: Final = 3
# which features a model leans on shows in fewer rows than there may be
MOST_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Finalist:
    """A fitted and calibrated candidate with its threshold; scores are in the order of the slices' rows."""

    candidate: Candidate
    model: Fitted
    threshold: Threshold
    validation_pr_auc: float
    holdout_scores: Scores
    validation: Metrics
    holdout: Metrics


def finalists(trials: Sequence[Trial], split: Split) -> list[Finalist]:
    """Every trial's candidate fitted on the training slice, the best on validation first."""
    fitted = [_finalist(trial.candidate, split) for trial in trials]
    return sorted(fitted, key=lambda finalist: finalist.validation_pr_auc, reverse=True)


def importances(finalist: Finalist, split: Split, *, repeats: int = REPEATS) -> dict[str, tuple[float, float]]:
    """Feature to the fall of holdout PR-AUC (mean, standard deviation) when its values are shuffled."""
    rows = some_pushes(split.holdout, MOST_ROWS)
    # What comes before the estimator takes each column for itself, so that shuffling after it is the same; a sigmoid
    # after it leaves the order as it is.
    pipeline, _ = parts(finalist.model)
    with one_thread():
        fall = permutation_importance(
            pipeline[-1],
            pipeline[:-1].transform(rows[list(FEATURE_NAMES)]),
            rows[TARGET],
            scoring="average_precision",
            n_repeats=repeats,
            random_state=SEED,
        )
    pairs = zip(fall.importances_mean, fall.importances_std, strict=True)
    return {name: (float(mean), float(spread)) for name, (mean, spread) in zip(FEATURE_NAMES, pairs, strict=True)}


def _finalist(candidate: Candidate, split: Split) -> Finalist:
    fitted = fit(candidate, split.train)
    with one_thread():
        model = calibrated(fitted, split.validation)
    labels = split.validation[TARGET].to_numpy()
    scores = predict(model, split.validation)
    threshold = choose(labels, scores)
    holdout_scores = predict(model, split.holdout)
    return Finalist(
        candidate=candidate,
        model=model,
        threshold=threshold,
        validation_pr_auc=float(average_precision_score(labels, scores)),
        holdout_scores=holdout_scores,
        validation=measure(labels, scores, threshold.value),
        holdout=measure(split.holdout[TARGET].to_numpy(), holdout_scores, threshold.value),
    )
