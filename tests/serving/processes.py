"""The prediction server as it runs in earnest: a process of its own, with several workers, that can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from foresync import ports

READY = 120.0  # seconds; a busy machine imports slowly


class Workers:
    """`python -m serving --workers N` on a free port, its log in a file."""

    def __init__(self, environment: dict[str, str], workers: int, log: Path) -> None:
        self.port, self.log = ports.any_free(), log
        self.url = f"http://127.0.0.1:{self.port}"
        self._workers = workers
        self._environment = environment

    def start(self) -> None:
        command = [sys.executable, "-m", "serving", "--port", str(self.port), "--workers", str(self._workers)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=_without_a_registry() | self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + READY
        while len(self.pids()) < self._workers or not self.answers():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", timeout=2, verify=False).status_code == 200
        return False

    def pids(self) -> list[int]:
        """Of the workers alone; the one that keeps track of Python's shared memory is none."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                if "resource_tracker" not in " ".join(child.cmdline()):
                    found.append(child.pid)
        return found

    def kill_one(self) -> int:
        pid = self.pids()[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def end(self) -> int:
        """Ask it to end, as a process manager would; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


def environment(database_url: str, secret: str, cache: Path, **more: str) -> dict[str, str]:
    """What the process reads."""
    return {
        "FORESYNC_SERVING_DATABASE_URL": database_url,
        "FORESYNC_JWT_SECRET": secret,
        "FORESYNC_MODEL_CACHE": str(cache),
        "FORESYNC_WITHHOLD_SHARE": "0",
        **more,
    }


def _without_a_registry() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
