"""Reading the operational database as Arrow, in bounded memory. SQL and connections; no files, no Dagster."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from orchestration.lib.tables import SEEN_BY_FEATURES, RawTable

if TYPE_CHECKING:
    import pyarrow as pa

# as text in the lake: every engine reads it, none agrees on the type
_AS_TEXT = {"uuid", "jsonb", "json"}

COLUMNS = """
SELECT attname, typname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = 'sync.{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


class BlindReaderError(RuntimeError):
    """The connection's role does not see every tenant: what it would read is no copy of the table."""


@contextmanager
def connect(url: str) -> Iterator[Any]:
    """An ADBC connection that reads in UTC."""
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(url, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
        yield connection


def require_sight(connection: Any, table: str) -> None:
    """Raise BlindReaderError when row-level security would hide rows from this connection."""
    ((is_filtered,),) = rows(connection, f"SELECT row_security_active('sync.{table}'::regclass)")
    if is_filtered:
        raise BlindReaderError(f"row-level security hides rows of sync.{table} from this role; it needs BYPASSRLS")


@contextmanager
def stream(connection: Any, table: RawTable, window: tuple[date, date] | None) -> Iterator["pa.RecordBatchReader"]:
    """The table's rows as record batches; of a `window` (first day, day after the last; UTC) in order of time."""
    columns = ", ".join(_column(name, kind) for name, kind in rows(connection, COLUMNS.format(table=table.name)))
    query = f"SELECT {columns} FROM sync.{table.name}"
    if window is not None:
        query += f" WHERE {within(table, window)} ORDER BY {table.at}, 1, 2, 3"
    with connection.cursor() as cursor:
        cursor.execute(query)
        yield cursor.fetch_record_batch()


@contextmanager
def coverage(connection: Any, first_day: date) -> Iterator["pa.RecordBatchReader"]:
    """Where each clock stands (`held_to_seq`), and the first row before `first_day` (`missing_from_seq`)."""
    oldest = " ".join(
        f"LEFT JOIN (SELECT tenant_id, min(seq) AS seq FROM sync.{table} WHERE received_at < {_literal(first_day)} "
        f"GROUP BY 1) AS {table} USING (tenant_id)"
        for table in SEEN_BY_FEATURES
    )
    query = (
        f"SELECT tenant_id, coalesce(clock.seq, 0) AS held_to_seq, "
        f"least({', '.join(f'{table}.seq' for table in SEEN_BY_FEATURES)}) AS missing_from_seq "
        f"FROM sync.tenant LEFT JOIN sync.tenant_clock AS clock USING (tenant_id) {oldest} ORDER BY 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        yield cursor.fetch_record_batch()


def count_by_day(connection: Any, table: RawTable, window: tuple[date, date]) -> dict[date, int]:
    """Rows per UTC day of the window; a day without rows is absent."""
    counted = rows(
        connection,
        f"SELECT ({table.at} AT TIME ZONE 'UTC')::date, count(*) FROM sync.{table.name} "
        f"WHERE {within(table, window)} GROUP BY 1",
    )
    return dict(counted)


def marks_by_day(connection: Any, table: RawTable, window: tuple[date, date]) -> dict[date, tuple[int, str | None]]:
    """Per UTC day of the window that has rows: how many, and their mark as text."""
    found = rows(
        connection,
        f"SELECT ({table.at} AT TIME ZONE 'UTC')::date, count(*), ({table.mark})::text FROM sync.{table.name} "
        f"WHERE {within(table, window)} GROUP BY 1",
    )
    return {day: (counted, mark) for day, counted, mark in found}


def count(connection: Any, table: RawTable) -> int:
    ((counted,),) = rows(connection, f"SELECT count(*) FROM sync.{table.name}")
    return int(counted)


def count_before(connection: Any, table: RawTable, first_day: date) -> int:
    """Rows that no day partition will ever hold."""
    ((counted,),) = rows(connection, f"SELECT count(*) FROM sync.{table.name} WHERE {table.at} < {_literal(first_day)}")
    return int(counted)


def rows(connection: Any, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def within(table: RawTable, window: tuple[date, date]) -> str:
    start, end = window
    return f"{table.at} >= {_literal(start)} AND {table.at} < {_literal(end)}"


def _column(name: str, kind: str) -> str:
    return f'"{name}"::text AS "{name}"' if kind in _AS_TEXT else f'"{name}"'


def _literal(day: date) -> str:
    # the driver streams by COPY, which takes no parameters; a date can hold nothing but a date
    return f"'{datetime(day.year, day.month, day.day).date().isoformat()}T00:00:00Z'::timestamptz"  # noqa: DTZ001
