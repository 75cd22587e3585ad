"""The training set of real histories, made by the project's own models from a lake of their own, and kept.

What was built is found again under the digest of all that it was made of: the histories, the models, and the code that
decides and writes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from support import history_lake
from support.conflict_causes import causes
from support.harness import ROOT

from foresync.replay import names
from foresync.replay.history import read

MEMORY = "2GB"
MADE_BY = (
    "dbt_project/models",
    "dbt_project/macros",
    "dbt_project/dbt_project.yml",
    "bench/support/history_lake.py",
    "bench/support/conflict_causes.py",
    "sync_api/engine",
    "foresync/replay",
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """By share of announcing clients, the training set of all histories together; and whom each conflict was with."""

    sets: dict[float, Path]
    causes: Path


def make(histories: Sequence[Path], shares: Sequence[float], home: Path, say: Say) -> Made:
    """The Parquet files below `home`, built where they are missing."""
    key = _digest(histories)
    paths = {share: home / key / f"announced-{round(100 * share):03}.parquet" for share in shares}
    made = Made(paths, home / key / "causes.parquet")
    missing = [share for share, path in paths.items() if not path.exists()]
    if not missing and made.causes.exists():
        say(f"training sets of {len(histories)} histories: kept from before ({key})")
        return made
    decided = []
    for path in histories:
        started = time.perf_counter()
        history = read(path)
        decided.append(history_lake.decided(history, names.tenant(path)))
        say(f"{path.name}: {history.changes:,} changes decided in {time.perf_counter() - started:.0f} s")
    for share in missing:
        started = time.perf_counter()
        _build(decided, share, paths[share])
        say(f"{share:.0%} announced: features built in {time.perf_counter() - started:.0f} s")
    causes(decided, list(shares)).to_parquet(made.causes)
    return made


def _build(decided: list[history_lake.Decided], share: float, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        history_lake.write(folder, decided, share)
        warehouse = folder / "warehouse.duckdb"
        _run_dbt(folder, warehouse)
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(
                f"COPY (SELECT * EXCLUDE day_number FROM features.training_examples "
                "ORDER BY tenant_id, received_at, event_id, moment) "
                f"TO '{folder / 'made.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
            )
        shutil.move(folder / "made.parquet", target)


def _run_dbt(folder: Path, warehouse: Path) -> None:
    """Raises SystemExit with its last words when it fails."""
    project = str(ROOT / "dbt_project")
    command = [str(Path(sys.executable).with_name("dbt")), "run", "--select", "+training_examples"]
    environment = {
        "FORESYNC_LAKE_URL": folder.as_uri(),
        "FORESYNC_WAREHOUSE_PATH": str(warehouse),
        "FORESYNC_WAREHOUSE_MEMORY": MEMORY,
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    done = subprocess.run(
        [*command, "--project-dir", project, "--profiles-dir", project],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout[-4000:] + done.stderr[-2000:])


def _digest(histories: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in [*histories, *_sources()]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    for name in MADE_BY:
        path = ROOT / name
        yield from sorted(p for p in path.rglob("*") if p.suffix in (".sql", ".py")) if path.is_dir() else [path]
