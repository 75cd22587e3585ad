"""What must be true before the servers can work: databases, schema, passwords, Dagster's home, dbt's manifest.

Everything here is safe to repeat and runs at each start, so that an upgraded checkout migrates itself.
"""

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from threading import Event

from foresync.platform.state import PROJECT, PlatformError
from foresync.platform.wiring import DBT_PROJECT, Wiring
from foresync.postgres import databases

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
    migrate.upgrade(admin)
    ours = {role: f"{role.upper()}_DATABASE_URL" for role in migrate.ROLES}
    migrate.set_passwords(admin, {role: wiring.secrets[role] for role in ours if not wiring.is_theirs(ours[role])})
    for tool, variable in (("mlflow", "MLFLOW_TRACKING_URI"), ("dagster", "DAGSTER_HOME")):
        if not wiring.is_theirs(variable):
            databases.ensure_owned_database(admin, tool, wiring.secrets[tool])
            _upgrade_tool(wiring, tool, stop)


def lay_out_folders(wiring: Wiring) -> None:
    """The folders that the parts expect, and Dagster's configuration."""
    home = wiring.state.make("dagster")
    (home / "dagster.yaml").write_text(DAGSTER_YAML)
    wiring.workspace.write_text(WORKSPACE_YAML.format(port=wiring.ports["code"]))
    for folder in ("logs", "lake", "warehouse", "mlflow", "model-cache"):
        wiring.state.make(folder)


def dbt_parsed(wiring: Wiring, stop: Event) -> None:
    """Dagster reads the dbt project from its manifest: write it when the project is newer."""
    if wiring.is_theirs("DAGSTER_HOME") or _is_parsed(DBT_PROJECT):
        return
    command = [sys.executable, "-m", "dbt.cli.main", "parse", "--quiet", "--project-dir", str(DBT_PROJECT),
               "--profiles-dir", str(DBT_PROJECT)]  # fmt: skip
    _run(command, wiring, stop, "dbt could not parse its project")


def _is_parsed(project: Path) -> bool:
    manifest = project / "target" / "manifest.json"
    if not manifest.exists():
        return False
    sources = (path for path in project.rglob("*") if path.is_file() and manifest.parent not in path.parents)
    written = manifest.stat().st_mtime
    return all(path.stat().st_mtime <= written for path in sources if path.parent != project / "logs")


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
