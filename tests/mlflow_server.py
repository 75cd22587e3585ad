"""A real MLflow server on a PostgreSQL, that can be killed and started again; one serves a whole run."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from foresync import ports


class Mlflow:
    """A server in a process group of its own, so that a test may kill it."""

    def __init__(self, store: str, folder: Path) -> None:
        self.port, self._store, self._folder = ports.any_free(), store, folder
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it unless it runs; comes back once it answers."""
        if self._process:
            return
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", self._store, "--serve-artifacts"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        # as the platform starts it: runners for jobs that nobody asks for take longer than all the rest
        environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | environment, start_new_session=True
            )
        for _ in range(2400):  # importing MLflow alone takes long on a busy machine
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health") as answer:
                if answer.status == 200:
                    return
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            time.sleep(0.1)
        raise AssertionError("MLflow did not start")

    def kill(self) -> None:
        """Nothing of it is kept: no need to wait for an orderly end."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
