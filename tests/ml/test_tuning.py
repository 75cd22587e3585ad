"""The search for settings: it learns from trials, survives a kill, and ends where it would have ended anyway."""

import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from joblib import parallel_config, register_parallel_backend
from joblib.parallel import ThreadingBackend
from mlflow import MlflowClient

from ml import registry, tracking
from ml.dataset import load
from ml.estimators import CANDIDATES, Candidate
from ml.search import ASKED, SPACES, suggestions
from ml.splits import Split
from ml.train import train
from ml.tune import Trial, planned, tune

FIRST = [Candidate("logistic_regression", {"C": value}) for value in (0.01, 1.0)]
ROUNDS = 2

# a training that says what it does, for as long as it lives
TRAINING = f"""
import sys
from ml.dataset import load
from ml.estimators import Candidate
from ml.train import train
first = [Candidate("logistic_regression", {{"C": value}}) for value in (0.01, 1.0)]
train(load(sys.argv[1], days=None), git_commit="killed", candidates=first, rounds={ROUNDS},
      on_progress=lambda line: print(line, flush=True))
"""


def tuned(slices: Split, **known: Trial) -> tuple[list[Trial], list[str]]:
    """What came of it, and what was tried for it."""
    tried: list[str] = []
    found = tune(slices.train, FIRST, lambda t, _: tried.append(t.candidate.name), rounds=ROUNDS, known=known)
    return found, tried


def test_settings_that_did_well_draw_the_search_to_them() -> None:
    """Of forests that do better the deeper they are, and nothing else, the next are deep ones."""
    space = SPACES["random_forest"]["max_depth"]
    scored = [
        (Candidate("random_forest", {"max_depth": depth, "min_samples_leaf": 20, "max_features": 2}), depth / 100)
        for depth in range(int(space.low), int(space.high) + 1)
    ]
    asked = [c.settings["max_depth"] for number in range(1, 21) for c in suggestions(scored, number)]
    assert sum(asked) / len(asked) > (space.low + space.high) / 2 + 1


def test_each_type_is_asked_for_and_the_answer_is_always_the_same() -> None:
    scored = [(candidate, 0.1) for candidate in CANDIDATES]
    asked = suggestions(scored, 1)
    assert Counter(c.model_type for c in asked) == ASKED
    assert asked == suggestions(scored, 1) != suggestions(scored, 2)
    for candidate in asked:
        for name, value in candidate.settings.items():
            assert SPACES[candidate.model_type][name].low <= value <= SPACES[candidate.model_type][name].high
            assert len(f"{value:g}") <= 8


def test_what_is_given_from_outside_the_space_is_no_obstacle() -> None:
    assert len(suggestions([(Candidate("logistic_regression", {"C": 1e9}), 0.1)], 1)) == 1


def test_an_interrupted_search_ends_where_it_would_have_ended(slices: Split) -> None:
    whole, tried = tuned(slices)
    assert [trial.candidate for trial in whole[:2]] == FIRST and len(whole) == len(tried) == planned(FIRST, ROUNDS)
    # stopped in the middle: the second of the first round was done, and the one after
    known = {trial.candidate.name: trial for trial in (whole[1], whole[2])}
    again, tried = tuned(slices, **known)
    assert [(t.candidate, t.fold_pr_auc) for t in again] == [(t.candidate, t.fold_pr_auc) for t in whole]
    assert set(tried) == {trial.candidate.name for trial in whole} - known.keys()


def test_another_backend_of_joblib_takes_the_trials(slices: Split) -> None:
    """As a cluster's would."""
    taken: list[object] = []

    class Elsewhere(ThreadingBackend):  # type: ignore[misc]  # joblib has no types
        def submit(self, func: object, callback: object = None) -> object:
            taken.append(func)
            return super().submit(func, callback)

    register_parallel_backend("elsewhere", Elsewhere)
    with parallel_config(backend="elsewhere", n_jobs=2):
        tune(slices.train.head(3_000), FIRST, lambda *_: None, rounds=0)
    assert len(taken) == len(FIRST)


@pytest.fixture
def file(rows: pd.DataFrame, tmp_path: Path) -> Path:
    rows.to_parquet(tmp_path / "training_examples.parquet")
    return tmp_path / "training_examples.parquet"


def test_a_training_that_was_killed_goes_on_where_it_stopped(empty_registry: MlflowClient, file: Path) -> None:
    environment = os.environ | {"MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
    command = [sys.executable, "-c", TRAINING, str(file)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        for line in killed.stdout:
            if line.startswith("trial 3 of"):
                killed.send_signal(signal.SIGKILL)
                break
    (stopped,) = runs(empty_registry, "tags.training_key != '' and tags.git_commit = 'killed'")
    done = trials(empty_registry, stopped)
    assert stopped.info.status == "RUNNING" and len(done) >= 3 and registry.versions() == []

    told: list[str] = []
    dataset = load(file, days=None)
    outcome = train(dataset, git_commit="killed", candidates=FIRST, rounds=ROUNDS, on_progress=told.append)
    assert outcome.state == "trained" and outcome.run_id == stopped.info.run_id
    assert f"{planned(FIRST, ROUNDS)} trials, {len(done)} of them done before" in told[0]
    after = trials(empty_registry, stopped)
    assert done.items() <= after.items() and len(after) == len(set(after.values())) == 2 * planned(FIRST, ROUNDS)
    assert empty_registry.get_run(stopped.info.run_id).info.status == "FINISHED"


@pytest.mark.parametrize(
    ("ended", "is_taken_up"), [("killed", True), ("broken", True), ("finished", False), ("chosen", False)]
)
def test_only_a_training_whose_trials_are_not_done_is_taken_up_again(
    mlflow_server: str, ended: str, is_taken_up: bool
) -> None:
    client, tags = MlflowClient(), {tracking.TRAINING_KEY: ended}
    with contextlib.suppress(ValueError), tracking.parent_run("first", tags) as first:
        if ended == "chosen":
            mlflow.log_params({"model_type": "logistic_regression"})
        if ended != "finished":
            raise ValueError
    if ended == "killed":
        client.update_run(first.info.run_id, status="RUNNING")
    with tracking.parent_run("second", tags) as second:
        assert (second.info.run_id == first.info.run_id) is is_taken_up


def runs(client: MlflowClient, query: str) -> list[mlflow.entities.Run]:
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    return list(client.search_runs([experiment.experiment_id], query))


def trials(client: MlflowClient, parent: mlflow.entities.Run) -> dict[str, tuple[str, str]]:
    """Finished nested runs: id → level and name."""
    found = runs(client, f"tags.mlflow.parentRunId = '{parent.info.run_id}' and attributes.status = 'FINISHED'")
    return {run.info.run_id: (run.data.tags["level"], run.info.run_name) for run in found}
