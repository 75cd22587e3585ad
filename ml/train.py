"""Training, end to end: a training set in, a registered challenger out.

Here the steps are put in order and recorded in MLflow. What each step does lives beside it (splits, tune, evaluate,
compile, model_card, registry). Whether a challenger may serve is not decided here: that is the gate's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ml.dataset import TrainingSet

TrainingState = Literal["trained", "reused", "insufficient_training_data"]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """What a training ended with; `insufficient_training_data` is a state, not a failure (`version` is None)."""

    state: TrainingState
    detail: str
    event_count: int
    required_events: int
    dataset_digest: str
    version: str | None = None
    model_type: str | None = None
    threshold: float | None = None
    run_id: str | None = None
    run_url: str | None = None
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    model_card: str = ""


def train(
    dataset: TrainingSet,
    *,
    git_commit: str,
    dagster_run_id: str | None = None,
    on_progress: Progress | None = None,
) -> TrainingOutcome:
    """Train every candidate, register the best on validation as `conflict_predictor@challenger`.

    Talks to the server in `MLFLOW_TRACKING_URI`. The same dataset digest, feature set, recipe and git commit answer
    with the version that exists already (`reused`) and change nothing. `on_progress` gets one line per step.

    Metrics of the outcome are the holdout's, pooled: rows, positives, base_rate, pr_auc, roc_auc, brier, precision,
    recall and f1 at the threshold, precision_at_recall_30 / _60, recall_at_precision_50 / _70, warnings_per_100_edits.
    """
    raise NotImplementedError
