"""Models put into a real registry as the training does."""

from pathlib import Path

import mlflow
from mlflow import MlflowClient

from serving.registry import ALIAS, MODEL_NAME


def register(client: MlflowClient, folder: Path) -> str:
    """A version whose artifacts hold `folder` as `runtime/`."""
    logged = mlflow.initialize_logged_model(name="model")
    client.log_model_artifacts(logged.model_id, str(folder), "runtime")
    mlflow.finalize_logged_model(logged.model_id, "READY")
    return client.create_model_version(MODEL_NAME, f"models:/{logged.model_id}", model_id=logged.model_id).version


def crown(client: MlflowClient, version: str) -> None:
    client.set_registered_model_alias(MODEL_NAME, ALIAS, version)
