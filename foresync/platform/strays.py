"""Processes that outlived their supervisor. Only those that carry this platform's mark in their environment.

PostgreSQL carries none (it overwrites its environment); foresync.postgres finds it by its data folder.
"""

import contextlib
import os

import psutil

from foresync.launch import INSTANCE
from foresync.platform.state import State

ROUNDS = 5  # a dying supervisor may still restart what has just been ended


def strays(state: State) -> list[psutil.Process]:
    """Every process with our mark, but for this one and its ancestors."""
    mark = str(state.folder)
    family = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in family and _mark(process) == mark]


def end_strays(state: State) -> int:
    """End them, politely first; returns how many there were."""
    ended: set[int] = set()
    for _ in range(ROUNDS):
        found = strays(state)
        if not found:
            break
        ended |= {process.pid for process in found}
        _end(found)
    return len(ended)


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, left = psutil.wait_procs(processes, timeout=10)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=5)


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(INSTANCE)
    except (psutil.Error, OSError):
        return None
