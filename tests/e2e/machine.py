"""The command `foresync` on a state folder of its own, run as a user would run it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

COMMAND = Path(sys.executable).with_name("foresync")


@dataclass(frozen=True)
class Machine:
    """The command `foresync` on one state folder."""

    folder: Path

    def foresync(self, *words: str, check: bool = True) -> str:
        """Run it; what it printed. A failure shows all of that."""
        done = subprocess.run(
            [COMMAND, *words],
            env={**os.environ, "FORESYNC_HOME": str(self.folder), "COLUMNS": "160"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert not check or done.returncode == 0, f"foresync {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.foresync("status", "--json", check=False)))

    def variables(self) -> dict[str, str]:
        lines = self.foresync("env").splitlines()
        return {name: value.strip("'") for name, _, value in (line[7:].partition("=") for line in lines)}

    def counts(self) -> dict[str, int]:
        """Rows of the tables that a push writes; those that a question of a prediction leaves are not among them."""
        tables = ("record", "sync_log", "sync_request", "conflict_resolution", "applied_change", "tenant", "device")
        with psycopg.connect(self.variables()["DATABASE_URL"]) as connection:
            return {table: connection.execute(f"SELECT count(*) FROM sync.{table}").fetchone()[0] for table in tables}
