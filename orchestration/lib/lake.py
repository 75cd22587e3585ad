"""The Parquet lake: where a table's files lie, and how a file is replaced. Knows nothing of databases.

A file is written beside its place and moved there whole: whoever reads, and whatever is killed, finds the old
file or the new one. What a killed writer leaves behind has a name that no reader looks for.
"""

import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# Hive's name for "no day": an empty file there gives a table its columns before it has a row
_NO_DAY = "day=__HIVE_DEFAULT_PARTITION__"
_DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})")
_FILE = "part.parquet"


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake on a file system. Other stores need another writer: an object store cannot rename."""

    root: Path

    @classmethod
    def at(cls, url: str) -> "Lake":
        """Raises ValueError for a URL that is not `file:///…`."""
        parts = urlsplit(url)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise ValueError(f"the lake must be a file:/// URL, not {url}")
        return cls(Path(unquote(parts.path)))

    def day_file(self, table: str, day: date) -> Path:
        return self.root / "raw" / table / f"day={day.isoformat()}" / _FILE

    def snapshot_file(self, table: str) -> Path:
        return self.root / "raw" / table / _FILE

    def schema_file(self, table: str) -> Path:
        return self.root / "raw" / table / _NO_DAY / _FILE

    @property
    def training_file(self) -> Path:
        return self.root / "training" / "training_examples.parquet"

    def days(self, table: str) -> Iterator[tuple[date, Path]]:
        """The days that have a file."""
        for path in sorted((self.root / "raw" / table).glob(f"day=*/{_FILE}")):
            if named := _DAY.fullmatch(path.parent.name):
                yield date.fromisoformat(named[1]), path

    def rows_by_day(self, table: str) -> dict[date, int]:
        """Rows per day as the files' own footers say."""
        return {day: row_count(path) for day, path in self.days(table)}

    def marks_by_day(self, table: str, mark: str) -> dict[date, tuple[int, str | None]]:
        """Per day that has a file: rows, and an aggregate over them as text."""
        if not any(self.days(table)):
            return {}
        import duckdb

        files = str(self.root / "raw" / table / "day=*" / _FILE).replace("'", "''")
        with duckdb.connect() as connection:
            found = connection.execute(
                f"SELECT CAST(day AS date), count(*), CAST({mark} AS varchar) "
                f"FROM read_parquet('{files}', hive_partitioning = true, union_by_name = true) GROUP BY 1"
            ).fetchall()
        return {day: (counted, marked) for day, counted, marked in found if day is not None}


def row_count(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place to write the new file; moved to `path` when the block ends well, removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def parquet_writer(path: Path, schema: "pa.Schema") -> Iterator["pq.ParquetWriter"]:
    """A writer whose file appears at `path` once it is whole."""
    import pyarrow.parquet as pq

    with replacing(path) as beside, pq.ParquetWriter(beside, schema, compression="zstd") as writer:
        yield writer


def write_parquet(path: Path, schema: "pa.Schema", batches: Iterable["pa.RecordBatch"]) -> int:
    """Replace `path`; answers the number of rows."""
    written = 0
    with parquet_writer(path, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            written += batch.num_rows
    return written
