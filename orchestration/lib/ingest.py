"""Copying a table into the lake: one statement for the whole range, one file a day, one day in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from orchestration.lib import operational
from orchestration.lib.lake import Lake, write_parquet
from orchestration.lib.tables import COVERAGE, SEEN_BY_FEATURES, RawTable

if TYPE_CHECKING:
    import pyarrow as pa

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Copied:
    """What now lies in the lake: rows per day of the window (snapshots: none), rows in all, the columns."""

    by_day: dict[date, int]
    row_count: int
    schema: "pa.Schema"


def copy_days(url: str, lake: Lake, table: RawTable, window: tuple[date, date]) -> Copied:
    """Make the window's days in the lake what PostgreSQL holds now. Repeating it changes nothing.

    `window` is (first day, day after the last), UTC. A day without rows loses its file. Raises
    operational.BlindReaderError, before anything is removed, when the role does not see every tenant.
    """
    with operational.connect(url) as connection:
        operational.require_sight(connection, table.name)
        with operational.stream(connection, table, window) as reader:
            schema = reader.schema
            write_parquet(lake.schema_file(table.name), schema, ())
            by_day = {
                day: write_parquet(lake.day_file(table.name, day), schema, batches)
                for day, batches in _days(reader, str(table.at))
            }
    _remove_days_without_rows(lake, table, window, by_day)
    return Copied(by_day, sum(by_day.values()), schema)


def copy_reopened(url: str, lake: Lake, table: RawTable, window: tuple[date, date]) -> list[date]:
    """Copy again the days of the window in which rows came or changed since; answers them.

    An import of old history, a conflict that somebody settles, an outcome that becomes known: each opens its day again.
    A day of which PostgreSQL holds less than the lake is left alone: what the server has archived only the lake still
    has. Raises operational.BlindReaderError like `copy_days`.
    """
    with operational.connect(url) as connection:
        operational.require_sight(connection, table.name)
        in_postgres = operational.marks_by_day(connection, table, window)
    held = lake.marks_by_day(table.name, table.mark)
    nothing = (0, None)
    reopened = [
        day
        for day, found in sorted(in_postgres.items())
        if found != held.get(day, nothing) and found[0] >= held.get(day, nothing)[0]
    ]
    for first, last in _stretches(reopened):
        copy_days(url, lake, table, (first, last + timedelta(days=1)))
    return reopened


def _stretches(days: list[date]) -> Iterator[tuple[date, date]]:
    """Days in order → (first, last) of every stretch without a gap."""
    for _, stretch in groupby(enumerate(days), key=lambda numbered: numbered[1] - timedelta(days=numbered[0])):
        found = [day for _, day in stretch]
        yield found[0], found[-1]


def copy_snapshot(url: str, lake: Lake, table: RawTable) -> Copied:
    """Replace the table's one file. Raises operational.BlindReaderError like `copy_days`."""
    with operational.connect(url) as connection:
        operational.require_sight(connection, table.name)
        with operational.stream(connection, table, None) as reader:
            written = write_parquet(lake.snapshot_file(table.name), reader.schema, reader)
            return Copied({}, written, reader.schema)


def copy_coverage(url: str, lake: Lake, first_day: date) -> Copied:
    """Note what a copy that is taken from now on will hold of each tenant. Raises like `copy_days`."""
    with operational.connect(url) as connection:
        for table in ("tenant", "tenant_clock", *SEEN_BY_FEATURES):
            operational.require_sight(connection, table)
        with operational.coverage(connection, first_day) as reader:
            written = write_parquet(lake.snapshot_file(COVERAGE), reader.schema, reader)
            return Copied({}, written, reader.schema)


def _days(reader: "pa.RecordBatchReader", at: str) -> Iterator[tuple[date, Iterator["pa.RecordBatch"]]]:
    """The stream, which is in order of time, cut where the UTC day changes."""
    for day, pieces in groupby(_pieces(reader, at), key=lambda piece: piece[0]):
        yield day, (batch for _, batch in pieces)


def _pieces(reader: "pa.RecordBatchReader", at: str) -> Iterator[tuple[date, "pa.RecordBatch"]]:
    import numpy as np
    import pyarrow as pa

    microseconds_a_day = 86_400_000_000
    for batch in reader:
        if batch.num_rows == 0:
            continue
        times = batch.column(at).cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        days, starts = np.unique(times // microseconds_a_day, return_index=True)
        ends = [*starts[1:], batch.num_rows]
        for number, start, end in zip(days, starts, ends, strict=True):
            yield EPOCH + timedelta(days=int(number)), batch.slice(int(start), int(end - start))


def _remove_days_without_rows(lake: Lake, table: RawTable, window: tuple[date, date], by_day: dict[date, int]) -> None:
    for day, path in list(lake.days(table.name)):
        if window[0] <= day < window[1] and day not in by_day:
            path.unlink(missing_ok=True)
