"""`python -m foresync.launch SPEC`: become the program that a JSON file describes, with exactly its environment.

The supervisor starts every part through this, so that no secret stands in a command line and no path has to
survive the supervisor's own quoting rules. Runs before each part, also when one is started anew: stays small.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

import psutil

INSTANCE = "FORESYNC_INSTANCE"  # marks every process of a platform; its value is the state folder


def main(spec: Path) -> None:
    """SPEC: {"argv": [...], "directory": "...", "environment": {...}, "port": 1234 or null}."""
    part = json.loads(spec.read_text())
    if part["port"]:
        vacate(part["port"], part["environment"][INSTANCE])
    os.chdir(part["directory"])
    os.execve(part["argv"][0], part["argv"], part["environment"])  # noqa: S606 - no shell wanted


def vacate(port: int, mark: str) -> None:
    """End what a killed predecessor left listening (a server's workers outlive it); never anybody else's process."""
    for pid in listeners(port):
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if process.environ().get(INSTANCE) == mark:
                process.kill()
                process.wait(5)


def listeners(port: int) -> set[int]:
    """The pids of those who listen on the port, as far as this user may see them."""
    sockets = [socket for socket in psutil.net_connections("tcp") if socket.status == psutil.CONN_LISTEN]
    return {socket.pid for socket in sockets if socket.laddr and socket.laddr.port == port and socket.pid}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
