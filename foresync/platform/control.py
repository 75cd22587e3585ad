"""Starting, watching and ending a platform as a whole."""

import contextlib
import datetime
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from rich.console import Console

from foresync import ports
from foresync.platform import provision
from foresync.platform.display import progress
from foresync.platform.platform import Platform
from foresync.platform.start import steps
from foresync.platform.state import PlatformError, State
from foresync.platform.steps import run_all
from foresync.platform.strays import end_strays
from foresync.platform.supervisor import UNREACHABLE
from foresync.platform.wiring import PORTS, wire
from foresync.postgres import Cluster, Home, settle, stop

OWNER = "belongs-to"  # in a system folder: the state folder whose database this is
HISTORY = datetime.timedelta(days=92)  # the first day partition lies this long before the first start


def up(state: State, console: Console) -> tuple[Platform, bool]:
    """Bring the platform up, or find it up; answers also whether this call started it.

    Raises PlatformError when a part cannot be started; what this call had started by then is ended.
    """
    with state.locked():
        if (running := _running(state)) is not None:
            _refuse_other(running)
            if not running.is_healthy():
                _run_steps(running, console, is_fresh=False)
            return running, False
        platform, home = _lay_out(state)
        if home.folder != state.folder / "postgres" and not platform.wiring.is_theirs("DATABASE_URL"):
            console.print(f"PostgreSQL's OS user cannot enter {state.folder}: its data is in {home.folder}")
        try:
            platform.supervisor.launch(platform.parts)
            _run_steps(platform, console, is_fresh=True)
        except BaseException:
            console.print("ending what has been started…")
            _end(platform)
            raise
        return platform, True


def down(state: State, *, delete_state: bool = False) -> bool:
    """End everything that belongs to this platform, and nothing else; answers whether anything ran."""
    if not state.folder.exists():
        return False
    with state.locked():
        ended = False
        if "ports" in state.remembered():
            platform = Platform.find(state)
            ended = _end(platform)
            if delete_state and platform.postgres_folder.exists():
                shutil.rmtree(platform.postgres_folder)
        if delete_state:
            shutil.rmtree(state.folder)
        return ended


def laid_out(state: State) -> Platform:
    """The platform as it runs, or as it would be started now."""
    with state.locked():
        return _running(state) or _lay_out(state)[0]


def watch(platform: Platform, console: Console) -> None:
    """Stay until interrupted, and say when a part had to be started anew. Returns when the platform is gone."""
    pids: dict[str, int] = {}
    with contextlib.suppress(*UNREACHABLE):
        while True:
            for name, process in platform.supervisor.processes().items():
                if process.pid and pids.setdefault(name, process.pid) != process.pid:
                    console.print(f"{name} ended, and was started again; its log: {platform.state.log(name)}")
                    pids[name] = process.pid
            time.sleep(2)


@contextlib.contextmanager
def running_platform(state: State, console: Console, *, keep: bool = False) -> Iterator[tuple[Platform, bool]]:
    """The platform, up, and whether this call started it.

    Then it is ended afterwards, unless the body ended well and `keep` is set.
    """
    platform, is_ours = up(state, console)
    try:
        yield platform, is_ours
    except BaseException:
        if is_ours:
            console.print("ending the platform…")
            down(state)
        raise
    if is_ours and not keep:
        down(state)


def _running(state: State) -> Platform | None:
    if "ports" not in state.remembered():
        return None
    platform = Platform.find(state)
    return platform if platform.is_running() else None


def _refuse_other(running: Platform) -> None:
    """Raises PlatformError when the environment asks for another platform than the one that runs."""
    wanted = wire(running.state, running.wiring.ports, running.wiring.first_day).given
    if others := [name for name, value in wanted.items() if value != running.wiring.variables[name]]:
        raise PlatformError(f"it runs already, with another {', '.join(others)}: end it first, with `foresync down`")


def _lay_out(state: State) -> tuple[Platform, Home]:
    """Clear what a killed platform left behind, choose ports, write every configuration."""
    end_strays(state)
    home = _postgres_home(state)
    stop(home)
    known = state.remembered()
    chosen = _choose_ports(known.get("ports", {}))
    first_day = known.get("first_day") or (datetime.datetime.now(datetime.UTC).date() - HISTORY).isoformat()
    wiring = wire(state, chosen, first_day)
    state.remember(ports=chosen, first_day=first_day, postgres_folder=str(home.folder), theirs=wiring.theirs)
    platform = Platform(wiring, home.folder)
    if not platform.wiring.is_theirs("DATABASE_URL"):
        Cluster(home, chosen["postgres"], platform.wiring.secrets["postgres"]).make()
    provision.lay_out_folders(platform.wiring)
    return platform, home


def _choose_ports(remembered: dict[str, int]) -> dict[str, int]:
    """Last time's ports where they are still free, else the usual ones, else the next free ones."""
    chosen: dict[str, int] = {}
    for name, usual in PORTS.items():
        last = remembered.get(name, usual)
        taken = set(chosen.values())
        chosen[name] = last if last not in taken and ports.is_free(last) else ports.next_free(usual, taken)
    return chosen


def _postgres_home(state: State) -> Home:
    """Where the data already is, also when the checkout has moved since; else below the state folder."""
    wanted = state.folder / "postgres"
    last = Path(state.remembered().get("postgres_folder", wanted))
    home = settle(last if _is_ours(last, state) else wanted)
    if home.folder != wanted:
        (home.folder / OWNER).write_text(str(state.folder))
    return home


def _is_ours(folder: Path, state: State) -> bool:
    """Whether a system folder is this platform's: always was, or its checkout has been moved to here (not copied)."""
    if not (folder / OWNER).exists():
        return False
    owner = Path((folder / OWNER).read_text())
    return owner == state.folder or not (owner / "platform.json").exists()


def _run_steps(platform: Platform, console: Console, *, is_fresh: bool) -> None:
    wanted = steps(platform.wiring, platform.parts, platform.supervisor, is_fresh=is_fresh)
    with progress(console, wanted) as display:
        run_all(wanted, display.update)


def _end(platform: Platform) -> bool:
    """The process manager ends its parts; then whatever is left. An impatient Ctrl-C does not stop this halfway."""
    patient = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found = False
        with contextlib.suppress(*UNREACHABLE, psutil.Error):
            manager = psutil.Process(platform.supervisor.pid())
            platform.supervisor.shutdown()
            found = True
            manager.wait(120)
        found |= end_strays(platform.state) > 0
        if (platform.postgres_folder / "data").exists():
            found |= stop(settle(platform.postgres_folder))
        return found
    finally:
        signal.signal(signal.SIGINT, patient)
