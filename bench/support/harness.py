"""What every bench needs: a server under test, CPU time by process, the closing JSON line. No figures of its own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cpu:
    """CPU seconds (user + system) since a start, of the server's processes and of PostgreSQL's."""

    server: float
    postgres: float


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and all its descendants, ended children that were waited for included."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


class Meter:
    """CPU and wall time of a stretch of load: `with Meter(server_pid, postmaster_pid) as meter`. None: has no part."""

    def __init__(self, server_pid: int | None, postgres_pid: int | None) -> None:
        self._pids = (server_pid, postgres_pid)
        self.seconds = 0.0
        self.cpu = Cpu(0.0, 0.0)

    def _read(self) -> tuple[float, float]:
        server, postgres = self._pids
        return (cpu_seconds(server) if server else 0.0, cpu_seconds(postgres) if postgres else 0.0)

    def __enter__(self) -> "Meter":
        self._before, self._started = self._read(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started
        after = self._read()
        self.cpu = Cpu(after[0] - self._before[0], after[1] - self._before[1])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def http_server(factory: str, env: dict[str, str], log: Path) -> Iterator[tuple[str, int]]:
    """Run an application factory under uvicorn, as the platform does; yields its URL and pid."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", factory, "--factory", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--no-access-log", "--log-level", "warning"],
            cwd=ROOT,
            env={**os.environ, **env},
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log)
        yield url, process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"the server did not get ready:\n{log.read_text()[-4000:]}")


def close(
    bench: str, figures: dict[str, float | None], at_least: dict[str, float], at_most: dict[str, float] | None = None
) -> None:
    """Print the last line: figures, the goals set for some of them, and which were met. None: was not measured, and
    a goal for it is not met."""
    at_most = at_most or {}
    goals = {name: f">= {least}" for name, least in at_least.items()} | {k: f"<= {most}" for k, most in at_most.items()}
    met = {name: (found := figures[name]) is not None and found >= least for name, least in at_least.items()}
    met |= {name: (found := figures[name]) is not None and found <= most for name, most in at_most.items()}
    rounded = {name: value if value is None else round(value, 4) for name, value in figures.items()}
    print(json.dumps({"bench": bench, "figures": rounded, "goals": goals, "met": met}), flush=True)
