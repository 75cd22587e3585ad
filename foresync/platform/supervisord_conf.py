"""The process manager's configuration as text. Pure: writes and starts nothing."""

import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from foresync.platform.parts import Part
from foresync.platform.state import PROJECT, State

USER = "foresync"


def identifier(state: State) -> str:
    return f"foresync {state.folder}"


def configuration(state: State, parts: Sequence[Part], port: int, password: str) -> str:
    """For a supervisord that runs in the state folder.

    Parts wait to be started, are restarted when they die, and end in two groups: the database last.
    """
    return "".join([
        _section("supervisord", {
            "nodaemon": "true",
            "identifier": identifier(state),
            "pidfile": state.folder / "supervisor" / "supervisord.pid",
            "logfile": state.log("supervisord"),
            "logfile_maxbytes": "5MB",
            "childlogdir": state.folder / "logs",
            **({"user": "root"} if os.geteuid() == 0 else {}),
        }),
        _section("inet_http_server", {"port": f"127.0.0.1:{port}", "username": USER, "password": password}),
        _section("rpcinterface:supervisor", {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface",
        }),
        *(_program(state, part) for part in parts),
        _group("database", 1, [part for part in parts if not part.is_group]),
        _group("platform", 2, [part for part in parts if part.is_group]),
    ])  # fmt: skip


def _program(state: State, part: Part) -> str:
    return _section(f"program:{part.name}", {
        "command": shlex.join([sys.executable, "-m", "foresync.launch", str(state.spec(part.name))]),
        "directory": PROJECT,
        "autostart": "false",
        "autorestart": "true",
        "startsecs": 5,
        "startretries": 20,  # each waits a second longer than the one before
        "stopsignal": part.stop_signal,
        "stopwaitsecs": 30,
        "stopasgroup": str(part.is_group).lower(),
        "killasgroup": str(part.is_group).lower(),
        "redirect_stderr": "true",
        # relative to the state folder: supervisord expands this one twice, and a path may hold a percent sign
        "stdout_logfile": state.log(part.name).relative_to(state.folder),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 3,
    })  # fmt: skip


def _group(name: str, priority: int, parts: Sequence[Part]) -> str:
    """Members of a group end together; the group of the highest priority ends first."""
    programs = ",".join(part.name for part in parts)
    return _section(f"group:{name}", {"programs": programs, "priority": priority}) if parts else ""


def _section(name: str, values: dict[str, Any]) -> str:
    lines = [f"{key}={str(value).replace('%', '%%')}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, "", ""])
