"""Who is where, and what each part is told: addresses, credentials, folders. Starts nothing.

A variable that the user has set to something else than our own value points that part at their own server (or
folder); it is then used as it is, and not started.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from foresync.launch import INSTANCE
from foresync.platform.state import State

PORTS = {
    "postgres": 5433,
    "api": 8000,
    "serving": 8001,
    "dagster": 3000,
    "mlflow": 5000,
    "code": 4000,
    "supervisor": 9011,
}
DEFINITIONS = "orchestration.definitions"
SILENCE = {"DAGSTER_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Wiring:
    state: State
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    first_day: str
    # the user's environment, as far as it is not about us
    environment: Mapping[str, str]
    # what of our variables the user has set
    given: Mapping[str, str]

    @cached_property
    def ours(self) -> dict[str, str]:
        """Every variable of the platform as it is when nothing is the user's own."""
        home = self.state.folder
        return {
            "DATABASE_URL": self._own_database,
            "FORESYNC_API_DATABASE_URL": self._login("foresync_api"),
            "FORESYNC_SERVING_DATABASE_URL": self._login("foresync_serving"),
            "FORESYNC_INGEST_DATABASE_URL": self._login("foresync_ingest"),
            "FORESYNC_PUBLISH_DATABASE_URL": self._login("foresync_publish"),
            "FORESYNC_DAGSTER_DATABASE_URL": self._login("dagster", "dagster"),
            "FORESYNC_MLFLOW_DATABASE_URL": self._login("mlflow", "mlflow"),
            "FORESYNC_JWT_SECRET": self.secrets["jwt"],
            "FORESYNC_API_URL": self._http("api"),
            "FORESYNC_SERVING_URL": self._http("serving"),
            "FORESYNC_DAGSTER_URL": self._http("dagster"),
            "FORESYNC_LAKE_URL": (home / "lake").as_uri(),
            "FORESYNC_WAREHOUSE_PATH": str(home / "warehouse" / "foresync.duckdb"),
            "FORESYNC_FIRST_DAY": self.first_day,
            "FORESYNC_MODEL_CACHE": str(home / "model-cache"),
            "MLFLOW_TRACKING_URI": self._http("mlflow"),
            "DAGSTER_HOME": str(home / "dagster"),
        }

    @cached_property
    def variables(self) -> dict[str, str]:
        """Every variable of the platform as it holds now."""
        return {**self.ours, **self.given}

    @property
    def workspace(self) -> Path:
        """What our Dagster loads; the checkout's own workspace.yaml is for a Dagster started by hand."""
        return self.state.folder / "dagster" / "workspace.yaml"

    def is_theirs(self, name: str) -> bool:
        return self.variables[name] != self.ours[name]

    @property
    def theirs(self) -> dict[str, str]:
        """The variables that point at something of the user's own."""
        return {name: value for name, value in self.given.items() if self.is_theirs(name)}

    def only(self, *names: str, **more: str) -> dict[str, str]:
        """A process's whole environment: the user's own, of our variables just these, and our mark.

        The folder of our interpreter leads PATH: dbt and Dagster look for their own commands there.
        """
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.environment.get('PATH', os.defpath)}"
        chosen = {name: self.variables[name] for name in names}
        return {**self.environment} | SILENCE | chosen | more | {"PATH": path, INSTANCE: str(self.state.folder)}

    def orchestration(self) -> dict[str, str]:
        """The environment of everything that loads the Dagster definitions."""
        return self.only(
            "FORESYNC_INGEST_DATABASE_URL", "FORESYNC_PUBLISH_DATABASE_URL", "FORESYNC_DAGSTER_DATABASE_URL",
            "FORESYNC_LAKE_URL", "FORESYNC_WAREHOUSE_PATH", "FORESYNC_FIRST_DAY", "MLFLOW_TRACKING_URI", "DAGSTER_HOME",
        )  # fmt: skip

    def _http(self, part: str) -> str:
        return f"http://127.0.0.1:{self.ports[part]}"

    @property
    def own_server(self) -> str:
        """Our own PostgreSQL's maintenance database, which is there before any other."""
        return self._own_database.replace("/foresync", "/postgres")

    @property
    def _own_database(self) -> str:
        return f"postgresql://postgres:{self.secrets['postgres']}@127.0.0.1:{self.ports['postgres']}/foresync"

    def _login(self, role: str, database: str | None = None) -> str:
        """The same server, the user's or ours, as another role and perhaps in another database."""
        server = urlsplit(self.given.get("DATABASE_URL") or self._own_database)
        address = server.netloc.rpartition("@")[2]
        path = f"/{database}" if database else server.path
        return server._replace(netloc=f"{role}:{self.secrets[role]}@{address}", path=path).geturl()


def wire(state: State, ports: Mapping[str, int], first_day: str, given: Mapping[str, str] | None = None) -> Wiring:
    """The wiring of this platform in the environment of this process, which also says what is the user's own.

    `given` says so instead where a running platform is meant: it is what it was started as.
    """
    wiring = Wiring(state, ports, state.secrets(), first_day, {}, {})
    environment = {name: value for name, value in os.environ.items() if name not in wiring.ours}
    told = {name: value for name in wiring.ours if (value := os.environ.get(name))}
    return replace(wiring, environment=environment, given=told if given is None else given)
