"""`python -m orchestration.prepare`: parse the dbt project, so that the definitions can be loaded.

Run at set-up, and again after a change in dbt_project/; the definitions never parse by themselves. Needs no
network and no database.
"""

import fcntl
import json
import sys
from pathlib import Path
from typing import Any

from orchestration.settings import DBT_PROJECT_FOLDER

MANIFEST = DBT_PROJECT_FOLDER / "target" / "manifest.json"
_SOURCES = ("dbt_project.yml", "profiles.yml", "models/**/*", "macros/**/*", "tests/**/*")


def prepare(*, force: bool = False) -> Path:
    """Write dbt_project/target/manifest.json if a source is newer (or `force`); answers its path.

    Safe to call from several processes. Raises RuntimeError with dbt's own words when the project does not parse.
    """
    MANIFEST.parent.mkdir(parents=True, exist_ok=True)
    with (MANIFEST.parent / ".prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if force or not is_current():
            _parse()
    return MANIFEST


def manifest() -> dict[str, Any]:
    """What dbt knows of the project, as it was last parsed."""
    told: dict[str, Any] = json.loads(MANIFEST.read_text())
    return told


def is_current() -> bool:
    """Whether the manifest is newer than everything that it is made from."""
    if not MANIFEST.exists():
        return False
    parsed_at = MANIFEST.stat().st_mtime
    sources = (path for pattern in _SOURCES for path in DBT_PROJECT_FOLDER.glob(pattern))
    return all(path.stat().st_mtime < parsed_at for path in sources)


def _parse() -> None:
    from dbt.cli.main import dbtRunner

    folder = str(DBT_PROJECT_FOLDER)
    result = dbtRunner().invoke(["--quiet", "parse", "--project-dir", folder, "--profiles-dir", folder])
    if not result.success:
        raise RuntimeError(f"dbt could not parse {folder}: {result.exception}")


if __name__ == "__main__":
    prepare(force="--force" in sys.argv[1:])
