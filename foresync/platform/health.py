"""Whether a part does its work, and does it itself: the workers of a killed server answer for it, for a moment."""

import contextlib

import psutil

from foresync.launch import listeners
from foresync.platform.parts import Part
from foresync.platform.supervisor import Process


def problem(part: Part, process: Process | None) -> str | None:
    """None when the part works, else what is wrong. `process`: as the process manager knows it, if it does."""
    if not part.argv:
        return part.check()
    if process is None or not process.is_alive():
        return "not running"
    if seen := part.check():
        return seen
    # asked last: it goes through every process of the machine, and a part that starts is asked four times a second
    if part.port and not listeners(part.port) & _family(process.pid):
        return f"it does not listen on port {part.port}"
    return None


def _family(pid: int) -> set[int]:
    """The process and all that came from it."""
    with contextlib.suppress(psutil.Error):
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    return set()
