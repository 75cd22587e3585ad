"""One platform, running or not: what a client of it needs to know, and how it stands. Starts and stops nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from foresync.platform.health import problem
from foresync.platform.parts import Part, parts
from foresync.platform.state import PlatformError, State
from foresync.platform.supervisor import UNREACHABLE, Process, Supervisor
from foresync.platform.wiring import Wiring, wire
from foresync.tenants import DEVELOPMENT_SCOPES, mint_token


@dataclass(frozen=True)
class Urls:
    api: str
    serving: str
    dagster: str
    mlflow: str


@dataclass(frozen=True)
class Standing:
    """How one part stands.

    `state` is the process manager's word, or `yours` for the user's own server, or `stopped`; `problem` is what its
    health check saw, None when it is healthy; `started_at` is in epoch seconds, 0 when it does not run.
    """

    name: str
    title: str
    state: str
    problem: str | None
    url: str | None
    pid: int
    started_at: int
    log: str | None


@dataclass(frozen=True)
class Platform:
    wiring: Wiring
    postgres_folder: Path

    @classmethod
    def find(cls, state: State) -> "Platform":
        """The platform as it was last started. Raises PlatformError when it never was."""
        known = state.remembered()
        if "ports" not in known:
            raise PlatformError(f"no platform has been started in {state.folder}: run `foresync up`")
        wiring = wire(state, known["ports"], known["first_day"], known.get("theirs", {}))
        return cls(wiring, Path(known["postgres_folder"]))

    @property
    def state(self) -> State:
        return self.wiring.state

    @property
    def env(self) -> Mapping[str, str]:
        """Variables that point a process at this platform, secrets included."""
        return self.wiring.variables | {"FORESYNC_HOME": str(self.state.folder)}

    @property
    def urls(self) -> Urls:
        told = self.wiring.variables
        return Urls(
            api=told["FORESYNC_API_URL"],
            serving=told["FORESYNC_SERVING_URL"],
            dagster=told["FORESYNC_DAGSTER_URL"],
            mlflow=told["MLFLOW_TRACKING_URI"],
        )

    @cached_property
    def parts(self) -> list[Part]:
        return parts(self.wiring, self.postgres_folder)

    @cached_property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.state, self.wiring.ports["supervisor"], self.wiring.secrets["supervisor"])

    def token(
        self,
        tenant: str,
        user: str,
        scopes: tuple[str, ...] = DEVELOPMENT_SCOPES,
        expires_in: timedelta = timedelta(days=1),
    ) -> str:
        """A signed token; the tenant is made if it is new."""
        return mint_token(
            self.env["DATABASE_URL"], self.env["FORESYNC_JWT_SECRET"],
            tenant=tenant, user=user, scopes=scopes, expires_in=expires_in,
        )  # fmt: skip

    def is_running(self) -> bool:
        return self.supervisor.answers()

    def standing(self) -> list[Standing]:
        """How each part stands now."""
        try:
            processes = self.supervisor.processes()
        except UNREACHABLE:
            processes = {}
        return [self._standing(part, processes.get(part.name)) for part in self.parts]

    def is_healthy(self) -> bool:
        return self.is_running() and all(part.problem is None for part in self.standing())

    def _standing(self, part: Part, process: Process | None) -> Standing:
        manager = process.state.lower() if process else "stopped"
        return Standing(
            name=part.name,
            title=part.title,
            state=manager if part.argv else "yours",
            problem=problem(part, process),
            url=part.url,
            pid=process.pid if process else 0,
            started_at=process.started_at if process and process.pid else 0,
            log=str(self.state.log(part.name)) if part.argv else None,
        )
