"""What must be true before the servers can work: databases, schema, passwords, Dagster's home, dbt's manifest.

Everything here is safe to repeat and runs at each start, so that an upgraded checkout migrates itself.
"""

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from threading import Event

from foresync.platform.state import PROJECT, PlatformError
from foresync.platform.wiring import Wiring
from foresync.postgres import databases

OLDEST_POSTGRES = 18  # uuidv7()

DAGSTER_YAML = """\
# Written by `foresync up` at every start.
storage:
  postgres:
    postgres_url:
      env: FORESYNC_DAGSTER_DATABASE_URL
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
concurrency:
  runs:
    max_concurrent_runs: 2
  pools:
    default_limit: 1
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 10
telemetry:
  enabled: false
nux:
  enabled: false
"""

WORKSPACE_YAML = """\
load_from:
  - grpc_server:
      host: 127.0.0.1
      port: {port}
      location_name: foresync
"""

# Tools that keep tables of their own: how each moves them to the version installed. The command line is Python, so
# that no password stands in it.
UPGRADES = {
    "mlflow": "import os; from mlflow.db import upgrade; upgrade([os.environ['FORESYNC_MLFLOW_DATABASE_URL']])",
    "dagster": "from dagster._cli.instance import migrate_command; migrate_command([])",
}


def databases_ready(wiring: Wiring, stop: Event) -> None:
    """The databases, our schema at its newest, and the passwords of the roles that are ours to set."""
    from sync_api.db import migrate

    admin = wiring.variables["DATABASE_URL"]
    if not wiring.is_theirs("DATABASE_URL"):
        databases.ensure_database(wiring.own_server, "foresync")
    elif (version := databases.server_version(admin)) < OLDEST_POSTGRES:
        raise PlatformError(f"PostgreSQL {OLDEST_POSTGRES} or newer is needed; DATABASE_URL names a {version}")
    migrate.upgrade(admin)
    ours = {role: f"{role.upper()}_DATABASE_URL" for role in migrate.ROLES}
    migrate.set_passwords(admin, {role: wiring.secrets[role] for role in ours if not wiring.is_theirs(ours[role])})
    for tool, is_needed in (
        ("mlflow", not wiring.is_theirs("MLFLOW_TRACKING_URI")),
        ("dagster", is_own_dagster(wiring)),
    ):
        if is_needed:
            if not wiring.is_theirs(f"FORESYNC_{tool.upper()}_DATABASE_URL"):
                databases.ensure_owned_database(admin, tool, wiring.secrets[tool])
            _upgrade_tool(wiring, tool, stop)


def is_own_dagster(wiring: Wiring) -> bool:
    """Whether the instance (its runs, its configuration) is ours, not only the processes over it."""
    return not wiring.is_theirs("DAGSTER_HOME") and not wiring.is_theirs("FORESYNC_DAGSTER_URL")


def lay_out_folders(wiring: Wiring) -> None:
    """The folders that the parts expect, and Dagster's configuration; PlatformError for an instance without any."""
    instance = Path(wiring.variables["DAGSTER_HOME"]) / "dagster.yaml"
    is_ours_to_start = not wiring.is_theirs("FORESYNC_DAGSTER_URL")
    if is_ours_to_start and wiring.is_theirs("DAGSTER_HOME") and not instance.exists():
        raise PlatformError(f"DAGSTER_HOME names your own Dagster instance, but there is no {instance}")
    home = wiring.state.make("dagster")
    (home / "dagster.yaml").write_text(DAGSTER_YAML)
    wiring.workspace.write_text(WORKSPACE_YAML.format(port=wiring.ports["code"]))
    for folder in ("logs", "lake", "warehouse", "mlflow", "model-cache"):
        wiring.state.make(folder)


def dbt_parsed(wiring: Wiring, stop: Event) -> None:
    """Dagster reads the dbt project from its manifest: write it when the project is newer."""
    from orchestration import prepare

    if not prepare.is_current():
        _run([sys.executable, "-m", "orchestration.prepare"], wiring, stop, "dbt could not parse its project")


def _upgrade_tool(wiring: Wiring, tool: str, stop: Event) -> None:
    """Move the tool's tables only when its version has changed: importing it costs seconds."""
    installed = importlib.metadata.version(tool)
    known = wiring.state.remembered().get("versions", {})
    if known.get(tool, installed) != installed:
        _run([sys.executable, "-c", UPGRADES[tool]], wiring, stop, f"the tables of {tool} could not be upgraded")
    wiring.state.remember(versions=known | {tool: installed})


def _run(command: list[str], wiring: Wiring, stop: Event, complaint: str) -> None:
    """Run to its end, or until the start is given up."""
    environment = wiring.orchestration() | {
        "FORESYNC_MLFLOW_DATABASE_URL": wiring.variables["FORESYNC_MLFLOW_DATABASE_URL"]
    }
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    while True:
        try:
            output, _ = process.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            if stop.is_set():
                process.kill()
    if process.returncode != 0 and not stop.is_set():
        raise PlatformError(f"{complaint}:\n{output.strip()[-3000:]}")
