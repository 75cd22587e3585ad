"""Make a data folder startable after any kind of death: a stale pid file, backends that outlived their server."""

import contextlib
import signal

import psutil

from foresync.errors import PlainError
from foresync.postgres.home import Home
from foresync.postgres.processes import orphans, postmaster


class PostgresError(PlainError):
    """The server cannot be made or started; the message says why and what to do."""


def recover(home: Home) -> None:
    """Raises PostgresError when a server already runs on the folder."""
    if running := postmaster(home.data):
        raise PostgresError(f"a server (pid {running.pid}) already runs on {home.data}")
    _end_orphans(home)
    # Its pid may by now be another process of the same user, which PostgreSQL would take for a live server.
    (home.data / "postmaster.pid").unlink(missing_ok=True)


def stop(home: Home, seconds: float = 30) -> bool:
    """End the server, if one runs: first politely (sessions are cut, data is flushed), then at once.

    Answers whether one ran.
    """
    process = postmaster(home.data)
    if process is None:
        return False
    for request in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(request)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(seconds)
            break
    return True


def _end_orphans(home: Home) -> None:
    left = list(orphans(home.data))
    for request in (signal.SIGQUIT, signal.SIGKILL):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(request)
        _, left = psutil.wait_procs(left, timeout=5)
