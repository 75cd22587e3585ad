"""Does the lake hold what PostgreSQL holds? Counting and comparing; what follows from it is the check's business."""

from dataclasses import dataclass
from datetime import date

from orchestration.lib import operational
from orchestration.lib.lake import Lake, row_count
from orchestration.lib.tables import RawTable


@dataclass(frozen=True, slots=True)
class Difference:
    """A day (None: a snapshot) on which the two disagree."""

    day: date | None
    in_postgres: int
    in_lake: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Rows counted on both sides, and where they differ. `unreachable` rows are older than the first partition."""

    in_postgres: int
    in_lake: int
    differences: tuple[Difference, ...]
    unreachable: int = 0


def reconcile_days(
    url: str, lake: Lake, table: RawTable, window: tuple[date, date], *, first_day: date, today: date
) -> Reconciliation:
    """Compare every day of the window. A day not yet over may have grown since: there the lake may hold less.

    Raises operational.BlindReaderError when the role does not see every tenant, so that two zeros are a finding.
    """
    with operational.connect(url) as connection:
        operational.require_sight(connection, table.name)
        in_postgres = operational.count_by_day(connection, table, window)
        unreachable = operational.count_before(connection, table, first_day)
    in_lake = {day: rows for day, rows in lake.rows_by_day(table.name).items() if window[0] <= day < window[1]}
    return Reconciliation(
        sum(in_postgres.values()), sum(in_lake.values()), compare(in_postgres, in_lake, today=today), unreachable
    )


def reconcile_snapshot(url: str, lake: Lake, table: RawTable) -> Reconciliation:
    """Compare a table that lies in the lake as one file; rows that came since are no difference."""
    with operational.connect(url) as connection:
        operational.require_sight(connection, table.name)
        in_postgres = operational.count(connection, table)
    path = lake.snapshot_file(table.name)
    in_lake = row_count(path) if path.exists() else 0
    grown = path.exists() and in_postgres >= in_lake
    return Reconciliation(in_postgres, in_lake, () if grown else (Difference(None, in_postgres, in_lake),))


def compare(in_postgres: dict[date, int], in_lake: dict[date, int], *, today: date) -> tuple[Difference, ...]:
    """The days that disagree, in order."""
    pairs = ((day, in_postgres.get(day, 0), in_lake.get(day, 0)) for day in sorted({*in_postgres, *in_lake}))
    return tuple(
        Difference(day, server, lake)
        for day, server, lake in pairs
        if server != lake and not (day >= today and server > lake)
    )
