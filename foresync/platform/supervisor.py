"""The process manager, supervisord: its start, and how it is asked. Knows no part by name."""

import base64
import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from foresync.launch import INSTANCE
from foresync.platform.parts import Part
from foresync.platform.state import PROJECT, PlatformError, State
from foresync.platform.supervisord_conf import USER, configuration, identifier

UNREACHABLE = (OSError, xmlrpc.client.Error, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Process:
    """What the supervisor knows of a part. `started_at` is in epoch seconds, 0 when it never ran."""

    group: str
    state: str
    pid: int
    started_at: int

    def is_alive(self) -> bool:
        """Whether it runs: the supervisor itself may take a second to see that a process was killed."""
        with contextlib.suppress(psutil.Error):
            return self.pid > 0 and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        return False


class Supervisor:
    """One supervisord, on loopback behind a generated password."""

    def __init__(self, state: State, port: int, password: str) -> None:
        self._state = state
        self._port = port
        self._password = password

    def answers(self) -> bool:
        """Whether it runs, and is this platform's own."""
        try:
            return bool(self._call("getIdentification") == identifier(self._state))
        except UNREACHABLE:
            return False

    def launch(self, parts: Sequence[Part]) -> None:
        """Start supervisord in a session of its own; no part is started yet.

        Raises PlatformError when it does not answer.
        """
        configured = self._write([part for part in parts if part.argv])
        with (self._state.make("logs") / "supervisord-output.log").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(configured)],
                cwd=self._state.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env=os.environ | {INSTANCE: str(self._state.folder)},
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise PlatformError(f"the process manager did not start; see {output.name}")
            time.sleep(0.05)

    def start(self, name: str) -> None:
        """Start a part unless it runs."""
        while (known := self.processes()[name]).pid and not known.is_alive():
            time.sleep(0.1)
        try:
            self._call("startProcess", f"{known.group}:{name}", False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise PlatformError(f"{name} could not be started: {fault.faultString}") from None

    def processes(self) -> dict[str, Process]:
        """Part → process; raises one of UNREACHABLE when the supervisor is gone."""
        return {
            told["name"]: Process(told["group"], told["statename"], told["pid"], told["start"])
            for told in self._call("getAllProcessInfo")
        }

    def pid(self) -> int:
        return int(self._call("getPID"))

    def shutdown(self) -> None:
        """Ask it to end every part and then itself. It answers at once and goes on by itself."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: Any) -> Any:
        """A connection for each call: parts are started from several threads."""
        transport = _Transport(USER, self._password)
        with xmlrpc.client.ServerProxy(f"http://127.0.0.1:{self._port}/RPC2", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)

    def _write(self, parts: Sequence[Part]) -> Path:
        folder = self._state.make("supervisor")
        for part in parts:
            spec = {
                "argv": part.argv,
                "directory": str(PROJECT),
                "environment": dict(part.environment),
                "port": part.port,
            }
            _private(self._state.spec(part.name), json.dumps(spec))
        path = folder / "supervisord.conf"
        _private(path, configuration(self._state, parts, self._port, self._password))
        return path


class _Transport(xmlrpc.client.Transport):
    """Basic authentication in a header (a URL would put the password into error messages), and a time limit."""

    def __init__(self, user: str, password: str) -> None:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        super().__init__(headers=[("Authorization", f"Basic {token}")])

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = 10
        return connection


def _private(path: Path, content: str) -> None:
    """Readable by the owner alone from its first byte."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
