"""Real history as rows, and this process turned to the MLflow server."""

from collections.abc import Iterator
from pathlib import Path

import history
import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient

from ml import registry, train
from ml.dataset import TrainingSet, from_frame
from ml.estimators import Candidate
from ml.splits import Split, split
from orchestration.lib.lake import Lake
from orchestration.settings import settings
from tests.mlflow_server import Mlflow


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


@pytest.fixture(scope="module")
def mlflow_server(mlflow_server: Mlflow) -> Iterator[str]:
    """The address of the run's MLflow server, which runs; this process talks to it meanwhile."""
    mlflow_server.start()
    mlflow.set_tracking_uri(mlflow_server.url)
    yield mlflow_server.url
    mlflow.set_tracking_uri(None)


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
