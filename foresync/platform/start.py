"""Starting a platform: the steps, and what each waits for."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

from foresync.platform import provision
from foresync.platform.health import problem
from foresync.platform.leftover_runs import cancel_leftover_runs
from foresync.platform.parts import Part
from foresync.platform.state import PlatformError, State
from foresync.platform.steps import Step
from foresync.platform.supervisor import Supervisor
from foresync.platform.wiring import Wiring

PATIENCE = 300  # seconds: MLflow and Dagster take a minute on a busy machine
DEAD = {"BACKOFF", "EXITED", "FATAL"}


def steps(wiring: Wiring, parts: Sequence[Part], supervisor: Supervisor, *, is_fresh: bool) -> list[Step]:
    """Every part as a step, and among them what must be true before they can work.

    `is_fresh`: no process of an earlier start lives any more.
    """
    first, *others = [
        Step(part.name, part.title, partial(_start, part, wiring.state, supervisor), part.needs, part.url)
        for part in parts
    ]
    url = wiring.variables["FORESYNC_DAGSTER_URL"]
    leftover = Step("runs", "Left-over runs", partial(cancel_leftover_runs, url), needs=("dagster",))
    # the daemon may start runs of its own only afterwards; in the user's instance there may be others' runs
    cleared = [replace(step, needs=(*step.needs, "runs")) if step.name == "daemon" else step for step in others]
    return [
        first,
        Step("databases", "Schema", partial(provision.databases_ready, wiring), needs=(first.name,)),
        Step("dbt", "dbt project", partial(provision.dbt_parsed, wiring)),
        *([*cleared, leftover] if is_fresh and provision.is_own_dagster(wiring) else others),
    ]


def _start(part: Part, state: State, supervisor: Supervisor, stop: Event) -> None:
    """Start the part, unless it is the user's own, and wait until it does its work.

    Raises PlatformError when it dies, or is not healthy in time.
    """
    if part.argv:
        supervisor.start(part.name)
    deadline = time.monotonic() + (PATIENCE if part.argv else 10)
    first_pid = 0
    while not stop.is_set():
        process = supervisor.processes().get(part.name)
        seen = problem(part, process)
        if seen is None:
            return
        if process:
            first_pid = first_pid or process.pid
            if process.state in DEAD or (process.pid and process.pid != first_pid):
                raise PlatformError(_died(part, state))
        if time.monotonic() > deadline:
            raise PlatformError(_unhealthy(part, state, seen))
        stop.wait(0.25)


def _died(part: Part, state: State) -> str:
    return f"{part.title} ended while it was starting. The last lines of {state.log(part.name)}:\n{tail(state, part)}"


def _unhealthy(part: Part, state: State, seen: str) -> str:
    if not part.argv:
        return f"{part.title} at {part.url} is not to be used: {seen}. It is your own server, named by {part.variable}."
    log = state.log(part.name)
    return f"{part.title} is not healthy: {seen}. The last lines of {log}:\n{tail(state, part)}"


def tail(state: State, part: Part, lines: int = 15) -> str:
    log = Path(state.log(part.name))
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
