"""What runs: each part's command, environment, address, and how it is told healthy. Starts nothing."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from foresync.platform import checks
from foresync.platform.wiring import DEFINITIONS, Wiring


@dataclass(frozen=True)
class Part:
    """One server. `argv` is empty when it is the user's own: then it is checked and never started."""

    name: str
    title: str
    check: checks.Check
    needs: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    # where it listens, if a killed server's workers may still be listening there
    port: int | None = None
    # the variable that says where the user's own is
    variable: str | None = None
    stop_signal: str = "TERM"
    # whether a stop goes to the part's children too
    is_group: bool = True


def parts(wiring: Wiring, postgres_folder: Path) -> list[Part]:
    """In the order in which they are shown; the order of starting follows from `needs`."""
    return [_postgres(wiring, postgres_folder), _mlflow(wiring), _api(wiring), _serving(wiring), *_dagster(wiring)]


def _postgres(wiring: Wiring, folder: Path) -> Part:
    mine = not wiring.is_theirs("DATABASE_URL")
    address = wiring.variables["DATABASE_URL"].rpartition("@")[2]
    return Part(
        name="postgres",
        title="PostgreSQL",
        check=checks.postgres(wiring.own_server if mine else wiring.variables["DATABASE_URL"]),
        argv=_python("foresync.postgres", str(folder)) if mine else (),
        environment=wiring.only(),
        url=f"postgresql://{address}",
        variable="DATABASE_URL",
        stop_signal="INT",  # sessions are cut, data is flushed
        is_group=False,  # PostgreSQL ends its own children, in its own order
    )


def _mlflow(wiring: Wiring) -> Part:
    url = wiring.variables["MLFLOW_TRACKING_URI"]
    port = wiring.ports["mlflow"]
    artifacts = wiring.state.folder / "mlflow" / "artifacts"
    hosts = ",".join(f"{host}{suffix}" for host in ("127.0.0.1", "localhost") for suffix in ("", f":{port}"))
    return Part(
        name="mlflow",
        title="MLflow",
        check=checks.answers(f"{url}/health"),
        needs=("databases",),
        argv=_own(wiring, "MLFLOW_TRACKING_URI", _python(
            "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--serve-artifacts",
            "--artifacts-destination", artifacts.as_uri(), "--allowed-hosts", hosts,
        )),
        environment=wiring.only(
            MLFLOW_BACKEND_STORE_URI=wiring.variables["FORESYNC_MLFLOW_DATABASE_URL"],
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",  # a runner for evaluations that nobody here asks for
        ),
        url=url,
        port=port,
        variable="MLFLOW_TRACKING_URI",
    )  # fmt: skip


def _api(wiring: Wiring) -> Part:
    return _http_server(
        wiring, "api", "Sync API", "sync_api",
        wiring.only("FORESYNC_API_DATABASE_URL", "FORESYNC_JWT_SECRET", "FORESYNC_SERVING_URL", "FORESYNC_DAGSTER_URL"),
    )  # fmt: skip


def _serving(wiring: Wiring) -> Part:
    environment = wiring.only(
        "FORESYNC_SERVING_DATABASE_URL", "FORESYNC_JWT_SECRET", "MLFLOW_TRACKING_URI", "FORESYNC_MODEL_CACHE"
    )
    return _http_server(wiring, "serving", "Predictions", "serving", environment)


def _http_server(wiring: Wiring, name: str, title: str, module: str, environment: Mapping[str, str]) -> Part:
    variable = f"FORESYNC_{name.upper()}_URL"
    url = wiring.variables[variable]
    port = wiring.ports[name]
    command = _python(module, "--port", str(port))
    return Part(
        name=name,
        title=title,
        check=checks.answers(f"{url}/healthz"),
        needs=("databases",),
        argv=_own(wiring, variable, command),
        environment=environment,
        url=url,
        port=port,
        variable=variable,
    )


def _dagster(wiring: Wiring) -> list[Part]:
    """Webserver and daemon over one code server: each would else load the definitions for itself, and the daemon
    again every minute. The code server reloads them when the UI is asked to."""
    url = wiring.variables["FORESYNC_DAGSTER_URL"]
    if wiring.is_theirs("FORESYNC_DAGSTER_URL"):
        theirs = partial(Part, needs=("databases",), url=url, variable="FORESYNC_DAGSTER_URL")
        return [
            theirs("dagster", "Dagster", checks.dagster_loaded(url)),
            theirs("daemon", "Dagster daemon", checks.dagster_daemons(url)),
        ]
    port, code_port = wiring.ports["dagster"], wiring.ports["code"]
    workspace = ("-w", str(wiring.workspace))
    code = ("code-server", "start", "-h", "127.0.0.1", "-p", str(code_port), "-m", DEFINITIONS)
    web = _python("dagster_webserver", "-h", "127.0.0.1", "-p", str(port), *workspace)
    daemon = _python("dagster._daemon", "run", *workspace)
    dagster = partial(_dagster_part, wiring)
    return [
        dagster("code", "Dagster code", checks.listens(code_port), ("dbt",), _python("dagster", *code), port=code_port),
        dagster("dagster", "Dagster", checks.dagster_loaded(url), ("databases", "dbt"), web, url=url, port=port),
        dagster("daemon", "Dagster daemon", checks.dagster_daemons(url), ("databases", "code"), daemon),
    ]


def _dagster_part(
    wiring: Wiring, name: str, title: str, check: checks.Check, needs: tuple[str, ...], command: tuple[str, ...],
    url: str | None = None, port: int | None = None,
) -> Part:  # fmt: skip
    return Part(
        name=name,
        title=title,
        check=check,
        needs=needs,
        argv=command,
        environment=wiring.orchestration(),
        url=url,
        port=port,
        stop_signal="INT",
    )


def _own(wiring: Wiring, variable: str, command: tuple[str, ...]) -> tuple[str, ...]:
    return () if wiring.is_theirs(variable) else command


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)
