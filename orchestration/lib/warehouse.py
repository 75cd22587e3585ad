"""Reading the warehouse. Opened late and closed early: whoever has the DuckDB file open shuts out every writer."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.lib.lake import replacing

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# the order makes the file, and so its digest, a function of the rows alone
TRAINING_ORDER = "tenant_id, received_at, event_id, moment"
ROWS_PER_CALL = 2000


@dataclass(frozen=True, slots=True)
class TrainingExport:
    """The training set as it lies in the lake."""

    path: Path
    sha256: str
    schema: "pa.Schema"
    rows: int
    events: int
    conflicted_events: int
    announced_rows: int

    @property
    def base_rate(self) -> float | None:
        """Share of events that conflicted; None without events."""
        return self.conflicted_events / self.events if self.events else None


@contextmanager
def reading(path: Path) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A read-only connection in UTC."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def export_training_set(warehouse: Path, target: Path) -> TrainingExport:
    """Replace the Parquet file `target` by the warehouse's training examples."""
    import pyarrow.parquet as pq

    with replacing(target) as beside, reading(warehouse) as connection:
        connection.execute(
            f"COPY (SELECT * EXCLUDE day_number FROM features.training_examples ORDER BY {TRAINING_ORDER}) "
            f"TO '{_quoted(beside)}' (FORMAT parquet, COMPRESSION zstd)"
        )
        counted = connection.execute(
            "SELECT count(*), count(*) FILTER (moment = 'edit_start'), "
            "count(*) FILTER (moment = 'edit_start' AND conflict_occurred), count(*) FILTER (is_announced) "
            "FROM features.training_examples"
        ).fetchall()[0]
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return TrainingExport(target, digest, pq.read_schema(target), *counted)


def json_rows_by_tenant(warehouse: Path, mart: str, json_columns: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """(tenant, up to ROWS_PER_CALL rows as JSON objects) until every row of the mart was given."""
    as_json = ", ".join(f"CAST({column} AS json) AS {column}" for column in json_columns)
    query = f"SELECT m.tenant_id, to_json(m) FROM (SELECT * REPLACE ({as_json}) FROM marts.{mart}) AS m ORDER BY 1"
    with reading(warehouse) as connection:
        for tenant, group in groupby(_fetched(connection.execute(query)), key=itemgetter(0)):
            batch: list[str] = []
            for _, row in group:
                batch.append(row)
                if len(batch) == ROWS_PER_CALL:
                    yield tenant, batch
                    batch = []
            if batch:
                yield tenant, batch


def _fetched(result: "duckdb.DuckDBPyConnection") -> Iterator[tuple[Any, ...]]:
    while rows := result.fetchmany(ROWS_PER_CALL):
        yield from rows


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
