"""What is ours is found and ended, what is somebody else's is not touched."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from foresync import ports
from foresync.launch import INSTANCE, listeners, vacate
from foresync.platform.health import problem
from foresync.platform.parts import Part
from foresync.platform.state import PlatformError, State
from foresync.platform.steps import Step, run_all
from foresync.platform.strays import end_strays, strays
from foresync.platform.supervisor import Supervisor

LISTENER = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(flush=True)
time.sleep(600)
"""

# a server whose worker listens, and outlives it
MANAGER = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {LISTENER!r}, sys.argv[1]])
"""


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "a folder")


@pytest.fixture
def processes() -> Iterator[list["subprocess.Popen[bytes]"]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def listener(port: int, mark: str | None) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **({INSTANCE: mark} if mark else {})}
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENER, str(port)], env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_strays_of_this_platform_are_ended_and_no_others(
    state: State, processes: list["subprocess.Popen[bytes]"]
) -> None:
    ours = listener(ports.any_free(), str(state.folder))
    anothers = listener(ports.any_free(), str(state.folder) + "-another")
    nobodys = listener(ports.any_free(), None)
    processes += [ours, anothers, nobodys]

    assert [stray.pid for stray in strays(state)] == [ours.pid]
    assert end_strays(state) == 1
    ours.wait(10)
    assert anothers.poll() is None
    assert nobodys.poll() is None


def test_a_port_is_vacated_only_by_our_own(state: State, processes: list["subprocess.Popen[bytes]"]) -> None:
    ours, theirs = ports.any_free(), ports.any_free()
    processes += [listener(ours, str(state.folder)), listener(theirs, "another")]
    vacate(ours, str(state.folder))
    vacate(theirs, str(state.folder))
    assert ports.is_free(ours)
    assert not ports.is_free(theirs)


def test_one_command_at_a_time(state: State) -> None:
    with state.locked(), pytest.raises(PlatformError, match=f"pid {os.getpid()}"), state.locked():
        pass
    with state.locked():
        pass


def test_secrets_are_made_once_for_the_owner_alone(state: State) -> None:
    state.make()
    first = state.secrets()
    assert state.secrets() == first
    assert len(first["jwt"]) >= 32
    assert (state.folder / "secrets.json").stat().st_mode & 0o077 == 0


def test_the_supervisor_starts_a_dead_part_anew_and_gives_it_its_own_environment_only(state: State) -> None:
    state.make("logs")
    port = ports.any_free()
    show = "import os, time; print(sorted(os.environ), flush=True); time.sleep(600)"
    environment = {INSTANCE: str(state.folder), "ODD": 'a "quoted" % value; # with all that'}
    part = Part("toy", "Toy", lambda: None, argv=(sys.executable, "-c", show), environment=environment)
    supervisor = Supervisor(state, port, "secret")
    supervisor.launch([part])
    try:
        assert not Supervisor(state, port, "wrong").answers()
        assert not Supervisor(State(state.folder.parent), port, "secret").answers()
        supervisor.start("toy")
        first = supervisor.processes()["toy"].pid
        wait_for(lambda: state.log("toy").exists() and "ODD" in state.log("toy").read_text())
        os.kill(first, 9)
        again = wait_for(lambda: pid if (pid := supervisor.processes()["toy"].pid) not in (0, first) else None)
        assert again != first
        wait_for(lambda: state.log("toy").exists() and state.log("toy").read_text().count("ODD") == 2)
        assert "HOME" not in state.log("toy").read_text()
    finally:
        supervisor.shutdown()
        wait_for(lambda: not strays(state))  # it ends the part, then itself


def test_a_killed_part_whose_worker_still_answers_is_not_taken_for_a_working_one(
    state: State, processes: list["subprocess.Popen[bytes]"]
) -> None:
    state.make("logs")
    port, anothers = ports.any_free(), ports.any_free()
    processes.append(listener(anothers, None))
    argv = (sys.executable, "-c", MANAGER, str(port))
    part = Part("toy", "Toy", lambda: None, argv=argv, environment={INSTANCE: str(state.folder)}, port=port)
    supervisor = Supervisor(state, ports.any_free(), "secret")
    supervisor.launch([part])
    try:
        supervisor.start("toy")
        wait_for(lambda: problem(part, supervisor.processes()["toy"]) is None)
        first, worker = supervisor.processes()["toy"], listeners(port)
        assert problem(replace(part, port=anothers), first) == f"it does not listen on port {anothers}"
        os.kill(first.pid, 9)
        wait_for(lambda: problem(part, first) == "not running")  # whether its manager has seen it or not
        supervisor.start("toy")
        assert supervisor.processes()["toy"].pid != first.pid
        wait_for(lambda: problem(part, supervisor.processes()["toy"]) is None)
        assert not listeners(port) & worker
    finally:
        supervisor.shutdown()
        wait_for(lambda: not strays(state))


def test_the_first_failure_stops_what_waits_and_is_raised() -> None:
    given_up = threading.Event()

    def fail(stop: threading.Event) -> None:
        raise PlatformError("no")

    def patient(stop: threading.Event) -> None:
        stop.wait(60)
        given_up.set()

    steps = [Step("a", "A", fail), Step("b", "B", patient), Step("c", "C", patient, needs=("a",))]
    with pytest.raises(PlatformError, match="no"):
        run_all(steps, lambda: None)
    assert given_up.is_set()
    assert [step.state for step in steps] == ["failed", "starting", "waiting"]


def wait_for(found: Callable[[], Any]) -> Any:
    """The first true answer; pytest's own time limit ends the waiting."""
    while not (answer := found()):
        threading.Event().wait(0.05)
    return answer
