"""Which of the machine's processes belong to one cluster, told by what every user may read: their command lines.

PostgreSQL overwrites its environment, and root without ptrace rights cannot read another user's working folder;
titles always start with the cluster's name, which is unique to its data folder.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import psutil


def cluster_name(data: Path) -> str:
    return "foresync-" + hashlib.sha256(str(data).encode()).hexdigest()[:12]


def postmaster(data: Path) -> psutil.Process | None:
    """The live server of this data folder, or None: its pid file may be stale, its pid somebody else's by now."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        return process if _is_postmaster(process, data) else None
    except (OSError, ValueError, psutil.Error):
        return None


def orphans(data: Path) -> Iterator[psutil.Process]:
    """Backends that outlived a killed server: until they end, no new one can start on this folder."""
    title = f"postgres: {cluster_name(data)}:"
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if " ".join(process.cmdline()).startswith(title):
                yield process


def _is_postmaster(process: psutil.Process, data: Path) -> bool:
    line = process.cmdline()
    return len(line) >= 3 and Path(line[0]).name == "postgres" and line[1:3] == ["-D", str(data)]
