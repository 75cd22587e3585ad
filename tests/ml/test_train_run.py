"""One whole training against a real MLflow server, and what an ML engineer finds there afterwards."""

from collections.abc import Iterator
from io import StringIO

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from packaging.requirements import Requirement

from ml import registry, tracking
from ml.compile import matrix, prove
from ml.dataset import TrainingSet, from_frame
from ml.estimators import Candidate
from ml.features import FEATURE_NAMES, FEATURE_SET
from ml.push_level import how, questions
from ml.splits import Split, split
from ml.train import TrainingOutcome, train
from runtime import load

CANDIDATES = (
    Candidate("logistic_regression", {"C": 0.1}),
    Candidate("random_forest", {"max_depth": 6, "min_samples_leaf": 20, "max_features": 2}),
    Candidate("gradient_boosting", {"learning_rate": 0.04, "max_iter": 60, "max_features": 0.4}),
)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def outcome(mlflow_server: str, dataset: TrainingSet, told: list[str]) -> Iterator[TrainingOutcome]:
    client = MlflowClient()
    for model in client.search_registered_models(filter_string=f"name='{registry.MODEL_NAME}'"):
        client.delete_registered_model(model.name)
    yield train(
        dataset, git_commit="c0ffee", dagster_run_id="run-1", candidates=CANDIDATES, rounds=0, on_progress=told.append
    )


def test_the_outcome_tells_the_holdout_beside_its_base_rate(outcome: TrainingOutcome, told: list[str]) -> None:
    assert outcome.state == "trained" and outcome.version == "1"
    assert outcome.metrics["pr_auc"] > outcome.metrics["base_rate"] > 0
    assert {"precision", "recall", "f1", "brier", "roc_auc", "recall_at_precision_70"} <= set(outcome.metrics)
    assert any("trial 3 of 3" in line for line in told) and "registered version 1" in told[-1]
    assert outcome.run_url is not None and outcome.run_id is not None and outcome.run_id in outcome.run_url


def test_the_parent_run_holds_parameters_metrics_pictures_data_and_card(outcome: TrainingOutcome) -> None:
    assert outcome.run_id is not None
    run = MlflowClient().get_run(outcome.run_id)
    assert run.info.run_name.startswith("train ") and run.info.status == "FINISHED"
    assert run.data.params["model_type"] == outcome.model_type
    assert {"threshold", "medium_threshold", "push/model", "push/threshold"} <= set(run.data.params)
    experiment = MlflowClient().get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert {"holdout/moment/edit_open/pr_auc", "holdout/tenant/jupyter-notebook/base_rate"} <= set(run.data.metrics)
    assert {"baseline/constant/pr_auc", "baseline/changed_by_others_recently/pr_auc"} <= set(run.data.metrics)
    assert run.data.metrics["compiled/max_difference"] <= 1e-12
    assert run.data.tags["mlflow.source.git.commit"] == "c0ffee" and run.data.tags["dagster_run_id"] == "run-1"
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == "training_examples" and data.dataset.digest == outcome.dataset_digest
    plots = {file.path for file in MlflowClient().list_artifacts(outcome.run_id, "plots")}
    names = ("precision_recall", "roc", "calibration", "confusion", "slices")
    assert plots == {f"plots/{name}.png" for name in names}
    card = mlflow.artifacts.load_text(f"runs:/{outcome.run_id}/model_card.md")
    assert (
        card == run.data.tags["mlflow.note.content"] == outcome.model_card
        and "base rate" in card
        and outcome.dataset_digest in card
    )


@pytest.mark.parametrize("level", ["record", "push"])
def test_what_each_level_leans_on_is_a_table_beside_its_picture(outcome: TrainingOutcome, level: str) -> None:
    files = {file.path for file in MlflowClient().list_artifacts(outcome.run_id, "importance")}
    assert {f"importance/{level}.csv", f"importance/{level}.png"} <= files
    table = pd.read_csv(StringIO(mlflow.artifacts.load_text(f"runs:/{outcome.run_id}/importance/{level}.csv")))
    assert list(table.columns) == ["feature", "fall", "standard_deviation"]
    assert sorted(table["feature"]) == sorted(FEATURE_NAMES) and table["fall"].is_monotonic_decreasing
    assert table["fall"].iloc[0] > 0.01


def test_each_trial_is_a_nested_run_with_a_name_of_its_own(outcome: TrainingOutcome) -> None:
    assert outcome.run_id is not None
    parent = MlflowClient().get_run(outcome.run_id)
    trials = MlflowClient().search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{outcome.run_id}' and metrics.`folds/pr_auc` > 0"
    )
    assert len(trials) == 2 * len(CANDIDATES)
    assert {run.info.run_name for run in trials} == {
        f"{level} · {candidate.name}" for level in ("record", "push") for candidate in CANDIDATES
    }
    assert {run.info.status for run in trials} == {"FINISHED"}
    assert {run.data.params["model_type"] for run in trials} == {candidate.model_type for candidate in CANDIDATES}


def test_the_version_tells_where_it_comes_from(outcome: TrainingOutcome, slices: Split) -> None:
    version = registry.resolve(registry.CHALLENGER)
    assert version is not None and version.version == outcome.version and version.run_id == outcome.run_id
    assert version.tags["validation_status"] == "pending" and version.tags["demo"] == "true"
    assert version.tags["git_commit"] == "c0ffee" and version.tags["feature_set"] == FEATURE_SET
    assert version.tags["trained_until"] == slices.holdout_from.isoformat()
    described = MlflowClient().get_model_version(registry.MODEL_NAME, version.version)
    assert described.description == outcome.model_card


def test_one_version_brings_both_forms_and_they_agree(outcome: TrainingOutcome, slices: Split) -> None:
    with tracking.downloaded(f"models:/{registry.MODEL_NAME}/{outcome.version}") as folder:
        served = load(folder / "runtime")
        reference = tracking.load_reference(folder)
        rows = slices.holdout
        expected = reference.predict_proba(rows[list(FEATURE_NAMES)])[:, 1]
        assert np.abs(served.predict(matrix(rows)) - expected).max() <= 1e-12
        assert served.manifest.tenants == ["jupyter-notebook"]
        assert served.manifest.trained_tenants == sorted(slices.train["tenant_id"].unique())
        assert served.manifest.threshold == outcome.threshold
        assert served.manifest.metrics["pr_auc"] == outcome.metrics["pr_auc"]
        wanted = [Requirement(line) for line in (folder / "requirements.txt").read_text().splitlines()]
        assert wanted == [Requirement(line) for line in tracking.REQUIREMENTS]


def test_the_same_version_answers_about_whole_pushes_too(outcome: TrainingOutcome, dataset: TrainingSet) -> None:
    with tracking.downloaded(f"models:/{registry.MODEL_NAME}/{outcome.version}") as folder:
        served = load(folder / "runtime" / tracking.PUSH)
        reference = tracking.load_reference(folder / tracking.PUSH)
        rows = split(questions(dataset.frame)).holdout
        expected = reference.predict_proba(rows[list(FEATURE_NAMES)])[:, 1]
        assert np.abs(served.predict(matrix(rows)) - expected).max() <= 1e-12
        assert served.manifest.tenants == ["jupyter-notebook"]
        assert {f["name"]: f["of_records"] for f in served.manifest.features} == {n: how(n) for n in FEATURE_NAMES}
        metrics = MlflowClient().get_run(outcome.run_id).data.metrics  # of the record level alone
        assert served.manifest.metrics["base_rate"] > metrics["holdout/base_rate"]
    assert "## Whole pushes" in outcome.model_card


def test_the_signature_wants_doubles_and_the_standard_loader_works(outcome: TrainingOutcome, slices: Split) -> None:
    model = mlflow.pyfunc.load_model(f"models:/{registry.MODEL_NAME}/{outcome.version}")
    inputs = model.metadata.get_input_schema().to_dict()
    assert [(column["name"], column["type"]) for column in inputs] == [(name, "double") for name in FEATURE_NAMES]
    assert model.predict(slices.holdout[list(FEATURE_NAMES)].head(4)).shape == (4, 2)


def test_the_same_data_and_code_change_nothing(outcome: TrainingOutcome, dataset: TrainingSet) -> None:
    experiment = MlflowClient().get_experiment_by_name(tracking.EXPERIMENT)
    before = len(MlflowClient().search_runs([experiment.experiment_id]))
    again = train(dataset, git_commit="c0ffee", dagster_run_id="run-2", candidates=CANDIDATES, rounds=0)
    assert again.state == "reused" and again.version == outcome.version
    assert again.metrics == outcome.metrics and again.model_card == outcome.model_card
    assert again.threshold == outcome.threshold and again.run_url == outcome.run_url
    assert len(MlflowClient().search_runs([experiment.experiment_id])) == before
    assert [version.version for version in registry.versions()] == ["1"]


def test_other_code_is_trained_anew(outcome: TrainingOutcome, dataset: TrainingSet) -> None:
    other = train(dataset, git_commit="beef", candidates=CANDIDATES[:1], rounds=0)
    assert other.state == "trained" and other.version == "2"
    assert [(version.version, version.aliases) for version in registry.versions()] == [
        ("2", ("challenger",)),
        ("1", ()),
    ]


def test_too_little_data_ends_well_and_leaves_no_run(dataset: TrainingSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nobody is asked
    young = from_frame(dataset.frame.head(500), source="young", days=None)
    outcome = train(young, git_commit="c0ffee")
    assert outcome.state == "insufficient_training_data" and outcome.version is None
    assert "1,000 are needed" in outcome.detail and outcome.event_count < outcome.required_events


def test_a_window_without_conflicts_is_too_little_data_too(dataset: TrainingSet) -> None:
    calm = from_frame(dataset.frame.assign(conflict_occurred=False), source="calm", days=None)
    assert train(calm, git_commit="c0ffee").state == "insufficient_training_data"


def test_a_training_that_breaks_leaves_a_failed_run_and_no_version(
    empty_registry: MlflowClient, dataset: TrainingSet
) -> None:
    broken = Candidate("logistic_regression", {"C": -1.0})
    with pytest.raises(ValueError, match="C"):
        train(dataset, git_commit="c0ffee", candidates=[broken], rounds=0)
    experiment = empty_registry.get_experiment_by_name(tracking.EXPERIMENT)
    newest = empty_registry.search_runs([experiment.experiment_id], max_results=1)[0]
    assert newest.info.status == "FAILED"
    assert registry.versions() == [] and registry.resolve(registry.CHALLENGER) is None


def test_boosting_is_logged_and_comes_back_in_both_forms(mlflow_server: str, dataset: TrainingSet) -> None:
    outcome = train(dataset, git_commit="b005ted", candidates=CANDIDATES[-1:], rounds=0)
    assert outcome.model_type == "gradient_boosting" and "A gradient boosting that answers" in outcome.model_card
    with tracking.downloaded(f"models:/{registry.MODEL_NAME}/{outcome.version}") as folder:
        served, reference = load(folder / "runtime"), tracking.load_reference(folder)
    assert served.manifest.model_type == "gradient_boosting"
    proof = prove(reference, served, dataset.frame)
    assert proof.rows == len(dataset.frame) and proof.max_difference == 0.0
