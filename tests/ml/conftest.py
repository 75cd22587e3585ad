"""Real history as rows, and one MLflow server with a PostgreSQL behind it for the whole run."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import history
import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient

from foresync import ports
from foresync.postgres import databases
from ml import registry, train
from ml.dataset import TrainingSet, from_frame
from ml.estimators import Candidate
from ml.splits import Split, split
from orchestration.lib.lake import Lake
from orchestration.settings import settings


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    """The sample history as a training set; not to be changed in place."""
    return history.training_set()


@pytest.fixture(scope="session")
def dataset(rows: pd.DataFrame) -> TrainingSet:
    return from_frame(rows, source="history", days=None)


@pytest.fixture(scope="session")
def slices(dataset: TrainingSet) -> Split:
    return split(dataset.frame)


@pytest.fixture(scope="session")
def mlflow_server(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server; this process talks to it until the session ends."""
    folder, port = tmp_path_factory.mktemp("mlflow"), ports.any_free()
    databases.ensure_database(postgres_url, "mlflow_tests")
    store = postgres_url.rsplit("/", 1)[0].replace("postgresql://", "postgresql+psycopg2://") + "/mlflow_tests"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", store, "--serve-artifacts", "--artifacts-destination", str(folder / "artifacts")]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, server, folder / "server.log")
        mlflow.set_tracking_uri(address)
        yield address
    finally:
        mlflow.set_tracking_uri(None)
        # nothing of it is kept: no need to wait for an orderly end
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def lake(mlflow_server: str, rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """A lake with a training set, and settings that point at it; trainings try one quick candidate; no database is
    asked for anything."""
    lake = Lake(tmp_path / "lake")
    given = {
        "FORESYNC_INGEST_DATABASE_URL": "postgresql://nobody",
        "FORESYNC_PUBLISH_DATABASE_URL": "postgresql://nobody",
        "FORESYNC_LAKE_URL": lake.root.as_uri(),
        "FORESYNC_WAREHOUSE_PATH": str(tmp_path / "warehouse.duckdb"),
        "MLFLOW_TRACKING_URI": mlflow_server,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    # one quick candidate
    monkeypatch.setitem(train.train.__kwdefaults__, "candidates", (Candidate("logistic_regression", {"C": 0.1}),))
    settings.cache_clear()
    lake.training_file.parent.mkdir(parents=True)
    rows.to_parquet(lake.training_file)
    yield lake
    settings.cache_clear()


@pytest.fixture
def empty_registry(mlflow_server: str) -> MlflowClient:
    """A registry that has never heard of the model."""
    client = MlflowClient()
    for model in client.search_registered_models(filter_string=f"name='{registry.MODEL_NAME}'"):
        client.delete_registered_model(model.name)
    return client


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        try:
            with urllib.request.urlopen(f"{address}/health") as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
        if server.poll() is not None:
            break
    raise RuntimeError(f"the MLflow server did not come up:\n{log.read_text()[-2000:]}")
