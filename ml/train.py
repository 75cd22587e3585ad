"""Training, end to end: a training set in, a registered challenger out.

Here the steps are put in order and recorded in MLflow. What each step does lives beside it (splits, tune, evaluate,
compile, model_card, registry). Whether a challenger may serve is not decided here: that is the gate's.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final, Literal

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run

from ml import registry, tracking
from ml.announcements import at_shares
from ml.compile import prove, write
from ml.dataset import MIN_EVENTS, TrainingSet
from ml.drift import profile
from ml.estimators import CANDIDATES, Candidate
from ml.evaluate import Metrics
from ml.features import FEATURE_SET, MOMENTS, manifest_features
from ml.finalists import finalists
from ml.model_card import model_card
from ml.push_level import manifest_features as push_features
from ml.push_level import questions
from ml.report import Report, gather
from ml.splits import Split, Strategy, split
from ml.tune import ROUNDS, Trial, best_of_each_type, planned, tune
from runtime import Manifest

TrainingState = Literal["trained", "reused", "insufficient_training_data"]
Progress = Callable[[str], None]

HOLDOUT: Final = "holdout/"
log = logging.getLogger(__name__)


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
    reason: str | None = None,
    candidates: Sequence[Candidate] = CANDIDATES,
    rounds: int = ROUNDS,
    strategy: Strategy = "time",
    on_progress: Progress | None = None,
) -> TrainingOutcome:
    """Train every candidate, and in `rounds` what the optimiser makes of them; register the best on validation.

    It becomes `conflict_predictor@challenger`. A training that was killed goes on where it stopped: what its nested
    runs hold is not tried again.

    One version answers at both levels: of one record, and, where there are enough pushes to learn from, of a whole
    push.

    Talks to the server in `MLFLOW_TRACKING_URI`. The same dataset digest, feature set, recipe and git commit answer
    with the version that exists already (`reused`) and change nothing. `reason` says why one trains: a tag of run and
    version. `on_progress` gets one line per step.

    Metrics of the outcome are the holdout's, pooled: rows, positives, base_rate, pr_auc, roc_auc, brier, precision,
    recall and f1 at the threshold, precision_at_recall_30 / _60, recall_at_precision_50 / _70, warnings_per_100_edits.
    """
    started = perf_counter()
    say = on_progress or log.info
    if not dataset.is_sufficient:
        return _insufficient(dataset, f"{dataset.event_count:,} events, {MIN_EVENTS:,} are needed")
    slices = split(dataset.frame, strategy)
    if not slices.is_usable:
        return _insufficient(dataset, "a slice of time holds no conflict, or nothing but conflicts")
    recipe = [strategy, f"{rounds} rounds", *(c.name for c in candidates)]
    tags = _tags(dataset, slices, recipe, git_commit)
    existing = registry.find(tracking.TRAINING_KEY, tags[tracking.TRAINING_KEY])
    if existing is not None:
        return _reused(dataset, existing)
    tags |= {name: said for name, said in (("dagster_run_id", dagster_run_id), (tracking.REASON, reason)) if said}
    name = f"train {datetime.now(UTC):%Y-%m-%d %H:%M} · {dataset.event_count:,} events"
    with tracking.parent_run(name, tags) as run:
        report = _learn(dataset, slices, candidates, rounds, run, say)
        pushes = _learn_pushes(dataset, strategy, candidates, rounds, run, say)
        version, card = _register(report, pushes, run, tags, git_commit, say)
        return _outcome("trained", dataset, version, card, run, perf_counter() - started)


def _learn(
    dataset: TrainingSet,
    slices: Split,
    candidates: Sequence[Candidate],
    rounds: int,
    run: Run,
    say: Progress,
    level: str = tracking.RECORD,
) -> Report:
    total, known = planned(candidates, rounds), tracking.finished_trials(run, level)
    before = f", {len(known)} of them done before" if known else ""
    say(f"{len(slices.train):,} rows to learn from, {total} trials{before}")

    def on_trial(trial: Trial, done: int) -> None:
        tracking.trial_run(run, level, trial)
        say(f"trial {done} of {total}: {trial.candidate.name}, PR-AUC {trial.pr_auc:.3f}")

    # silence is not to be read as safety: whoever announces is met both ways
    met = replace(slices, train=at_shares(slices.train))
    trials = tune(met.train, candidates, on_trial, rounds=rounds, known=known)
    ranked = finalists(best_of_each_type(trials), met)
    say(f"chosen on validation: {ranked[0].candidate.name}, PR-AUC {ranked[0].validation_pr_auc:.3f}")
    report = gather(dataset, slices, ranked)
    holdout = report.chosen.holdout
    say(f"on the holdout: PR-AUC {holdout['pr_auc']:.3f}, base rate {holdout['base_rate']:.3f}")
    return report


def _learn_pushes(
    dataset: TrainingSet, strategy: Strategy, candidates: Sequence[Candidate], rounds: int, run: Run, say: Progress
) -> Report | None:
    """The same for questions about whole pushes; None where there are too few to learn from."""
    frame = questions(dataset.frame)
    slices = split(frame, strategy)
    if not slices.is_usable:
        say("too few pushes to learn about whole ones")
        return None
    say("now about whole pushes")
    return _learn(replace(dataset, frame=frame), slices, candidates, rounds, run, say, tracking.PUSH)


def _register(
    report: Report, pushes: Report | None, run: Run, tags: dict[str, str], git_commit: str, say: Progress
) -> tuple[registry.Version, str]:
    chosen, holdout = report.chosen, report.split.holdout
    card = model_card(report, pushes, git_commit=git_commit)
    tracking.log_report(report, pushes, card)
    for level, one in ((tracking.RECORD, report), (tracking.PUSH, pushes)):
        if one:
            tracking.log_importances(level, one)
    metrics = report.metrics()
    with tempfile.TemporaryDirectory() as folder:
        runtime = Path(folder) / tracking.RUNTIME
        metrics |= _compile(report, runtime, manifest_features(), say)
        if pushes:
            of_pushes = pushes.metrics() | _compile(pushes, runtime / tracking.PUSH, push_features(), say)
            metrics |= {f"push/{name}": value for name, value in of_pushes.items()}
        model_id = tracking.log_model(chosen.model, pushes and pushes.chosen.model, runtime, holdout.head(5), metrics)
    tracking.log_profile(model_id, profile(pd.concat([report.split.train, report.split.validation])))
    tags = tags | {
        "model_type": chosen.candidate.model_type,
        "threshold": repr(chosen.threshold.value),
        "holdout_pr_auc": repr(chosen.holdout["pr_auc"]),
        "holdout_base_rate": repr(chosen.holdout["base_rate"]),
        registry.STATUS: "pending",
    }
    mlflow.set_tags({"model_type": tags["model_type"]})
    version = registry.register(model_id, run.info.run_id, tags, card)
    say(f"registered version {version.version} as challenger")
    return version, card


def _compile(report: Report, folder: Path, features: list[dict[str, Any]], say: Progress) -> Metrics:
    """Write the compiled form of the chosen model, and prove it on the holdout."""
    model, holdout = report.chosen.model, report.split.holdout
    proof = prove(model, write(folder, _manifest(report, features), model, holdout), holdout)
    say(f"compiled and reference differ by at most {proof.max_difference:g} over {proof.rows:,} rows")
    return {"compiled/max_difference": proof.max_difference, "compiled/rows": proof.rows}


def _manifest(report: Report, features: list[dict[str, Any]]) -> Manifest:
    chosen = report.chosen
    return Manifest(
        model_type=chosen.candidate.model_type,
        features=features,
        threshold=chosen.threshold.value,
        medium_threshold=chosen.threshold.medium,
        moments=list(MOMENTS),
        tenants=report.dataset.demo_tenants,
        trained_tenants=sorted(report.split.train["tenant_id"].unique()),
        trained_until=report.trained_until,
        metrics=dict(chosen.holdout),
    )


def _tags(dataset: TrainingSet, slices: Split, recipe: list[str], git_commit: str) -> dict[str, str]:
    key = "\n".join([dataset.digest, FEATURE_SET, git_commit, *recipe])
    return {
        tracking.TRAINING_KEY: hashlib.sha256(key.encode()).hexdigest()[:32],
        "dataset_digest": dataset.digest,
        "feature_set": FEATURE_SET,
        "git_commit": git_commit,
        "split": recipe[0],
        "trained_until": str(slices.holdout_from.isoformat()),
        tracking.DATA_UNTIL: str(dataset.frame["received_at"].max().isoformat()),
        "demo": str(dataset.demo_tenants is not None).lower(),
        "mlflow.source.git.commit": git_commit,
    }


def _insufficient(dataset: TrainingSet, detail: str) -> TrainingOutcome:
    return TrainingOutcome("insufficient_training_data", detail, dataset.event_count, MIN_EVENTS, dataset.digest)


def _reused(dataset: TrainingSet, existing: registry.Version) -> TrainingOutcome:
    if registry.resolve(registry.CHALLENGER) != existing:
        existing = registry.point(registry.CHALLENGER, existing.version)
    run = MlflowClient().get_run(existing.run_id)
    card = MlflowClient().get_model_version(registry.MODEL_NAME, existing.version).description or ""
    return _outcome("reused", dataset, existing, card, run, 0.0)


def _outcome(
    state: TrainingState, dataset: TrainingSet, version: registry.Version, card: str, run: Run, seconds: float
) -> TrainingOutcome:
    said = {
        "trained": f"version {version.version} was trained",
        "reused": f"version {version.version} was trained on the same data by the same code",
    }
    recorded = MlflowClient().get_run(run.info.run_id).data.metrics
    pooled = {name.removeprefix(HOLDOUT): value for name, value in recorded.items() if name.startswith(HOLDOUT)}
    return TrainingOutcome(
        state=state,
        detail=said[state],
        event_count=dataset.event_count,
        required_events=MIN_EVENTS,
        dataset_digest=dataset.digest,
        version=version.version,
        model_type=version.tags["model_type"],
        threshold=float(version.tags["threshold"]),
        run_id=run.info.run_id,
        run_url=tracking.run_url(run),
        seconds=seconds,
        metrics={name: value for name, value in pooled.items() if "/" not in name},
        model_card=card,
    )
