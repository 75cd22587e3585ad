"""What a training leaves in MLflow: the parent run, a nested run per trial, and the logged model with both its forms.

Names and shapes of what is recorded; nothing is computed or decided here.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from ast import literal_eval
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import mlflow
import mlflow.data
import mlflow.sklearn
import pandas as pd
import skops.io
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import PandasDataset
from mlflow.entities import Metric, Param, Run
from mlflow.models import infer_signature
from mlflow.utils.time import get_current_time_millis

from ml import plots, registry
from ml.calibration import Fitted
from ml.compile import matrix
from ml.drift import Profile
from ml.estimators import Candidate, ModelType
from ml.features import FEATURE_NAMES, TARGET
from ml.report import Report
from ml.tune import Trial

EXPERIMENT: Final = "conflict_predictor"
REQUIREMENTS: Final = ("mlflow==3.17.*", "scikit-learn==1.9.*", "numpy==2.4.*", "pandas==3.1.*", "skops>=0.13,<1")
# the UI begins with prompts and traces, unless the address says otherwise
MODELS_PAGES: Final = "workflowType=machine_learning"
ABOUT: Final = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": "Will this edit end in a conflict? A run for each training, a nested run for each trial.",
}
RUNTIME: Final = "runtime"
RECORD: Final = "record"
# the level of pushes has a folder of its own: below RUNTIME what is served, beside it the reference
PUSH: Final = "push"
REFERENCE: Final = "model.skops"
# what the inputs looked like in the rows that the model was made of: drift is measured against it
PROFILE: Final = "training_profile.json"
# tags: the newest row that a training was given (what came later is new to its version), and why it was asked for
DATA_UNTIL: Final = "data_until"
REASON: Final = "training_reason"
# the tag under which a training is known again: the same rows, features, recipe and code
TRAINING_KEY: Final = "training_key"
_PARENT: Final = "mlflow.parentRunId"
_LEVEL: Final = "level"
_FOLD: Final = "each_fold/pr_auc"
_TYPE: Final = "model_type"

# Reviewed: plain holders of data that run nothing when they are built. A file's own wishes are not consulted.
TRUSTED_TYPES: Final = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)


@contextmanager
def parent_run(name: str, tags: dict[str, str]) -> Iterator[Run]:
    """The run that holds a whole training; marked failed when its body raises.

    A run of the same training (tag `training_key`) that ended before its trials were done is taken up again.
    """
    _say_little()
    experiment = mlflow.set_experiment(EXPERIMENT)
    mlflow.set_experiment_tags(ABOUT)
    stopped = _stopped(experiment.experiment_id, tags.get(TRAINING_KEY))
    with mlflow.start_run(run_id=stopped, run_name=None if stopped else name, tags=tags) as run:
        yield run


def _stopped(experiment_id: str, training_key: str | None) -> str | None:
    """The newest unfinished run of a training that has not yet logged what it chose."""
    if training_key is None:
        return None
    found = MlflowClient().search_runs(
        [experiment_id], f"tags.{TRAINING_KEY} = '{training_key}' and attributes.status != 'FINISHED'", max_results=1
    )
    return next((run.info.run_id for run in found if not run.data.params), None)


def trial_run(parent: Run, level: str, trial: Trial) -> None:
    """A finished nested run for one trial."""
    client, now = MlflowClient(), get_current_time_millis()
    tags = {_PARENT: parent.info.run_id, _TYPE: trial.candidate.model_type, _LEVEL: level}
    run = client.create_run(
        parent.info.experiment_id,
        start_time=now - int(trial.seconds * 1000),
        run_name=f"{level} · {trial.candidate.name}",
        tags=tags,
    )
    settings = {_TYPE: trial.candidate.model_type, **trial.candidate.settings}
    metrics = [Metric("folds/pr_auc", trial.pr_auc, now, 0)]
    metrics += [Metric(_FOLD, value, now, step) for step, value in enumerate(trial.fold_pr_auc)]
    client.log_batch(run.info.run_id, metrics, [Param(k, str(v)) for k, v in settings.items()])
    client.set_terminated(run.info.run_id, end_time=now)


def finished_trials(parent: Run, level: str) -> dict[str, Trial]:
    """The trials that earlier work on this training has left, by name."""
    client, found = MlflowClient(), {}
    query = (
        f"tags.`{_PARENT}` = '{parent.info.run_id}' and tags.{_LEVEL} = '{level}' and attributes.status = 'FINISHED'"
    )
    for run in client.search_runs([parent.info.experiment_id], query):
        folds = sorted(client.get_metric_history(run.info.run_id, _FOLD), key=lambda metric: metric.step)
        settings = {name: literal_eval(text) for name, text in run.data.params.items() if name != _TYPE}
        candidate = Candidate(cast(ModelType, run.data.params[_TYPE]), settings)
        seconds = (run.info.end_time - run.info.start_time) / 1000
        found[candidate.name] = Trial(candidate, tuple(metric.value for metric in folds), seconds)
    return found


def log_report(report: Report, pushes: Report | None, card: str) -> None:
    """Parameters, data, pictures and the card into the active run, whose description the card is too."""
    chosen, split = report.chosen, report.split
    mlflow.log_params({"model_type": chosen.candidate.model_type, **chosen.candidate.settings})
    mlflow.log_params(
        {
            "threshold": chosen.threshold.value,
            "threshold_reason": chosen.threshold.reason,
            "medium_threshold": chosen.threshold.medium,
            "validation_from": split.validation_from.isoformat(),
            "holdout_from": split.holdout_from.isoformat(),
            "candidates": len(report.finalists),
        }
    )
    if pushes is not None:
        of_pushes = {"model": pushes.chosen.candidate.name, "threshold": pushes.chosen.threshold.value}
        mlflow.log_params({f"{PUSH}/{name}": value for name, value in of_pushes.items()})
    mlflow.log_input(_data(report), context="training")
    mlflow.log_text(card, "model_card.md")
    mlflow.set_tag("mlflow.note.content", registry.fitting(card))
    for name, figure in figures(report).items():
        mlflow.log_figure(figure, f"plots/{name}.png")


def figures(report: Report) -> dict[str, Figure]:
    """The pictures of a report, by file name."""
    labels = report.split.holdout[TARGET].to_numpy()
    chosen = report.chosen
    scores = {f.candidate.model_type.replace("_", " "): f.holdout_scores for f in report.finalists}
    scores |= {"changed by others recently": report.baselines["changed_by_others_recently"].scores}
    name = chosen.candidate.model_type.replace("_", " ")
    return {
        "precision_recall": plots.precision_recall(labels, scores, name, chosen.threshold.value),
        "roc": plots.roc(labels, scores),
        "calibration": plots.calibration(labels, chosen.holdout_scores),
        "confusion": plots.confusion(labels, chosen.holdout_scores, chosen.threshold.value),
        "slices": plots.by_group({**report.moments, **report.tenants}),
    }


def log_importances(level: str, report: Report) -> None:
    """What the model of a level leans on, as a table and as a picture: how far PR-AUC falls when a feature is shuffled.

    `importance/LEVEL.csv`: feature, fall, standard_deviation; the most important first.
    """
    ordered = sorted(report.importances.items(), key=lambda item: -item[1][0])
    table = pd.DataFrame(
        [(name, fall, spread) for name, (fall, spread) in ordered], columns=["feature", "fall", "standard_deviation"]
    )
    mlflow.log_text(table.to_csv(index=False, lineterminator="\n"), f"importance/{level}.csv")
    mlflow.log_figure(plots.importance(report.importances), f"importance/{level}.png")


def _data(report: Report) -> PandasDataset:
    columns = ["tenant_id", "moment", "asked_at", "received_at", *FEATURE_NAMES, TARGET]
    with warnings.catch_warnings():
        # a path could be read by several kinds of source, all of them local
        warnings.filterwarnings("ignore", "The specified dataset source can be interpreted in multiple ways")
        return mlflow.data.from_pandas(
            report.dataset.frame[columns],
            source=report.dataset.source,
            targets=TARGET,
            name="training_examples",
            digest=report.dataset.digest,
        )


def log_model(
    model: Fitted, pushes: Fitted | None, runtime_folder: Path, example: pd.DataFrame, metrics: dict[str, float]
) -> str:
    """The reference with its compiled form beside it, under `runtime/`, as one logged model; answers its id.

    What answers about whole pushes lies beside both, as `push/model.skops` and under `runtime/push/`.
    """
    inputs = pd.DataFrame(matrix(example), columns=list(FEATURE_NAMES))
    info = mlflow.sklearn.log_model(
        model,
        name=EXPERIMENT,
        signature=infer_signature(inputs, model.predict_proba(inputs)),
        input_example=inputs,
        pip_requirements=list(REQUIREMENTS),
        skops_trusted_types=list(TRUSTED_TYPES),
        pyfunc_predict_fn="predict_proba",
    )
    if pushes is not None:
        skops.io.dump(pushes, runtime_folder.parent / REFERENCE)
        MlflowClient().log_model_artifact(info.model_id, str(runtime_folder.parent / REFERENCE), PUSH)
    MlflowClient().log_model_artifacts(info.model_id, str(runtime_folder), RUNTIME)
    mlflow.log_metrics(metrics, model_id=info.model_id)
    return str(info.model_id)


def log_profile(model_id: str, trained_on: Profile) -> None:
    """The distribution of the inputs, stored beside the model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PROFILE
        path.write_text(json.dumps(trained_on.as_json(), indent=1))
        MlflowClient().log_model_artifact(model_id, str(path))


def load_profile(folder: Path) -> Profile | None:
    """The distribution among downloaded artifacts; None for a version that was registered without."""
    path = folder / PROFILE
    return Profile.from_json(json.loads(path.read_text())) if path.exists() else None


@contextmanager
def downloaded(model_uri: str) -> Iterator[Path]:
    """A version's artifacts in a folder that is gone afterwards."""
    _say_little()
    with tempfile.TemporaryDirectory() as folder:
        yield Path(mlflow.artifacts.download_artifacts(model_uri, dst_path=folder))


def load_reference(folder: Path) -> Fitted:
    """The scikit-learn model of downloaded artifacts; only our own reviewed types are let in."""
    return skops.io.load(folder / REFERENCE, trusted=list(TRUSTED_TYPES))


def run_url(run: Run) -> str:
    """Where the run is seen in the UI, among the pages for trained models."""
    server = mlflow.get_tracking_uri().rstrip("/")
    return f"{server}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}?{MODELS_PAGES}"


def _say_little() -> None:
    """No two lines for every nested run, no bar for every file: progress is told by the caller's steps."""
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
