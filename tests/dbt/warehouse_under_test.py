"""A lake and a warehouse in a folder of a test's own, filled the way the platform fills them."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib import ingest
from orchestration.lib.lake import Lake
from orchestration.lib.tables import DAILY, SNAPSHOTS
from orchestration.settings import DBT_PROJECT_FOLDER

WINDOW = (date(2026, 8, 1), date(2027, 6, 1))
EVER = (date(1990, 1, 1), date(2100, 1, 1))


@dataclass(frozen=True)
class Warehouse:
    folder: Path

    @property
    def lake(self) -> Lake:
        return Lake(self.folder / "lake")

    @property
    def path(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def copy_from(self, ingest_url: str, window: tuple[date, date] = WINDOW) -> None:
        """Every table into the lake, over the days of the window."""
        for table in DAILY:
            ingest.copy_days(ingest_url, self.lake, table, window)
        for table in SNAPSHOTS:
            ingest.copy_snapshot(ingest_url, self.lake, table)
        ingest.copy_coverage(ingest_url, self.lake, window[0])

    def copy_all_from(self, ingest_url: str) -> None:
        """Every table into the lake, whatever its days."""
        self.copy_from(ingest_url, EVER)

    def dbt(self, *arguments: str, python: str = sys.executable, **environment: str) -> str:
        """Run a dbt command, of another environment's dbt perhaps; answers what it printed, fails with it."""
        done = subprocess.run(
            _command(python, arguments), env=self._given(environment), cwd=self.folder, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
        return done.stdout

    def dbt_killed_at(self, model: str, *arguments: str) -> None:
        """Run a dbt command, and kill it when it begins with the model."""
        with subprocess.Popen(
            _command(sys.executable, (*arguments, "--threads", "1")), env=self._given({}), cwd=self.folder,
            stdout=subprocess.PIPE, text=True,
        ) as running:  # fmt: skip
            assert running.stdout is not None
            begun = any(f".{model} " in line and " START " in line for line in running.stdout)
            running.kill()
        assert begun, model

    def _given(self, environment: dict[str, str]) -> dict[str, str]:
        engine = environment.get("FORESYNC_DBT_TARGET", "")
        given = {
            "FORESYNC_LAKE_URL": self.lake.root.as_uri(),
            "FORESYNC_WAREHOUSE_PATH": str(self.path),
            "DBT_TARGET_PATH": str(self.folder / f"target{engine}"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }
        return os.environ | given | environment

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query, in UTC."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            result = connection.execute(query)
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _command(python: str, arguments: tuple[str, ...]) -> list[str]:
    project = str(DBT_PROJECT_FOLDER)
    dbt = [str(Path(python).with_name("dbt")), "--no-use-colors", *arguments]
    return [*dbt, "--project-dir", project, "--profiles-dir", project]
