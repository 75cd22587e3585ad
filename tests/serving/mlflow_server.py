"""A real MLflow server that can be killed, and models put into its registry as the training does."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
from mlflow import MlflowClient

from foresync import ports
from serving.registry import ALIAS, MODEL_NAME


class Mlflow:
    """A server in a process group of its own, so that a test may kill it."""

    def __init__(self, store: str, folder: Path) -> None:
        self.port, self._store, self._folder = ports.any_free(), store, folder
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", self._store, "--serve-artifacts"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True,
                env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
            )  # fmt: skip
        for _ in range(2400):  # importing MLflow alone takes long on a busy machine
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health") as answer:
                if answer.status == 200:
                    return
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            time.sleep(0.1)
        raise AssertionError("MLflow did not start")

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def register(client: MlflowClient, folder: Path) -> str:
    """A version whose artifacts hold `folder` as `runtime/`."""
    logged = mlflow.initialize_logged_model(name="model")
    client.log_model_artifacts(logged.model_id, str(folder), "runtime")
    mlflow.finalize_logged_model(logged.model_id, "READY")
    return client.create_model_version(MODEL_NAME, f"models:/{logged.model_id}", model_id=logged.model_id).version


def crown(client: MlflowClient, version: str) -> None:
    client.set_registered_model_alias(MODEL_NAME, ALIAS, version)
