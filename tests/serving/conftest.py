"""This room's settings, database and registry; the server itself is started by each test, from `running.serve`."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from serving.registry import MODEL_NAME
from serving.settings import Settings
from tests.mlflow_server import Mlflow


@pytest.fixture
def settings(serving_url: str, jwt_secret: str, tmp_path: Path) -> Callable[..., Settings]:
    """Settings for this module's database and a cache of this test's own; warnings are never withheld."""

    def made(**changes: Any) -> Settings:
        base = {
            "database_url": serving_url,
            "jwt_secret": jwt_secret,
            "tracking_uri": None,
            "model_cache": tmp_path / "cache",
            "model_poll": 0.05,
            "withhold_share": 0.0,
        }
        return Settings(**(base | changes))

    return made


@pytest.fixture
def registry(mlflow_server: Mlflow) -> Iterator[MlflowClient]:
    """An empty registry, written to as the training does."""
    mlflow_server.start()
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(mlflow_server.url)
    mlflow.set_experiment("registry")  # this process may remember another server's
    client = MlflowClient()
    with contextlib.suppress(mlflow.MlflowException):
        client.delete_registered_model(MODEL_NAME)
    client.create_registered_model(MODEL_NAME)
    yield client
    mlflow.set_tracking_uri(before)
