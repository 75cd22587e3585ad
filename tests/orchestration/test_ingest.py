"""The lake holds what PostgreSQL holds: whatever is repeated, killed or taken away, and whoever asks."""

import hashlib
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import psycopg
import pyarrow.parquet as pq
import pytest
from feature_history import Change, Row, random_history
from operational_rows import insert

from orchestration.lib import ingest, operational
from orchestration.lib.lake import Lake
from orchestration.lib.reconcile import Difference, compare, reconcile_days, reconcile_snapshot
from orchestration.lib.tables import COVERAGE, DAILY, SNAPSHOTS

WINDOW = (date(2026, 8, 25), date(2026, 10, 1))
LOG = next(table for table in DAILY if table.name == "sync_log")
LONG_AGO = date(2026, 1, 1)

KILLED_WHILE_WRITING = """
import os, signal, sys
import pyarrow.parquet as pq
from datetime import date
from pathlib import Path
from orchestration.lib import ingest
from orchestration.lib.lake import Lake
from orchestration.lib.tables import DAILY

class Deadly(pq.ParquetWriter):
    def write_batch(self, batch, **more):
        super().write_batch(batch, **more)
        os.kill(os.getpid(), signal.SIGKILL)

pq.ParquetWriter = Deadly
table = next(table for table in DAILY if table.name == "sync_log")
ingest.copy_days(sys.argv[1], Lake(Path(sys.argv[2])), table, (date(2026, 8, 25), date(2026, 10, 1)))
"""


@pytest.fixture(scope="module")
def history(database_url: str) -> list[Row]:
    rows = random_history(seed=3, changes=150)
    insert(database_url, rows)
    return rows


def changes_by_day(history: list[Row]) -> Counter[date]:
    return Counter(row.received_at.date() for row in history if isinstance(row, Change))


def digests(lake: Lake) -> dict[str, str]:
    return {
        str(path.relative_to(lake.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(lake.root.rglob("*"))
        if path.is_file()
    }


def reconciled(url: str, lake: Lake, today: date = date(2030, 1, 1)) -> tuple[Difference, ...]:
    return reconcile_days(url, lake, LOG, WINDOW, first_day=LONG_AGO, today=today).differences


def test_every_day_has_its_rows_and_only_its_rows(history: list[Row], lake: Lake, ingest_url: str) -> None:
    done = ingest.copy_days(ingest_url, lake, LOG, WINDOW)

    assert done.by_day == lake.rows_by_day("sync_log") == changes_by_day(history)
    for day, path in lake.days("sync_log"):
        times = pq.read_table(path, columns=["received_at"]).column(0).to_pylist()
        assert {time.astimezone(UTC).date() for time in times} == {day}
        assert times == sorted(times)


def test_columns_are_those_of_postgres_with_json_and_ids_as_text(
    history: list[Row], lake: Lake, ingest_url: str
) -> None:
    schema = ingest.copy_days(ingest_url, lake, LOG, WINDOW).schema

    kinds = {name: str(schema.field(name).type) for name in ("id", "field_changes", "fields", "received_at", "seq")}
    assert kinds == {
        "id": "string",
        "field_changes": "string",
        "fields": "list<item: string>",
        "received_at": "timestamp[us, tz=UTC]",
        "seq": "int64",
    }


def test_copying_again_writes_the_same_bytes(history: list[Row], lake: Lake, ingest_url: str) -> None:
    ingest.copy_days(ingest_url, lake, LOG, WINDOW)
    first = digests(lake)

    ingest.copy_days(ingest_url, lake, LOG, WINDOW)

    assert digests(lake) == first


def test_a_copy_touches_only_its_own_days(history: list[Row], lake: Lake, ingest_url: str) -> None:
    ingest.copy_days(ingest_url, lake, LOG, WINDOW)
    day, path = next(iter(lake.days("sync_log")))
    path.write_bytes(b"left alone")

    ingest.copy_days(ingest_url, lake, LOG, (day + timedelta(days=1), WINDOW[1]))

    assert path.read_bytes() == b"left alone"


def test_a_table_without_rows_still_has_its_columns(lake: Lake, ingest_url: str) -> None:
    predictions = next(table for table in DAILY if table.name == "prediction_log")

    done = ingest.copy_days(ingest_url, lake, predictions, WINDOW)

    assert done.by_day == {}
    assert "conflict_probability" in pq.read_schema(lake.schema_file("prediction_log")).names


def test_killed_in_the_middle_it_leaves_the_old_file_and_the_next_run_repairs(
    history: list[Row], lake: Lake, ingest_url: str
) -> None:
    ingest.copy_days(ingest_url, lake, LOG, WINDOW)
    whole = digests(lake)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_WRITING, ingest_url, str(lake.root)], capture_output=True, check=False
    )

    assert killed.returncode == -9
    assert {name: digest for name, digest in digests(lake).items() if name in whole} == whole
    assert lake.rows_by_day("sync_log") == changes_by_day(history)
    ingest.copy_days(ingest_url, lake, LOG, WINDOW)
    assert reconciled(ingest_url, lake) == ()


def test_rows_that_came_and_went_are_found_and_then_repaired(
    history: list[Row], lake: Lake, database_url: str, ingest_url: str
) -> None:
    ingest.copy_days(ingest_url, lake, LOG, WINDOW)
    assert reconciled(ingest_url, lake) == ()
    day, rows = sorted(changes_by_day(history).items())[2]

    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TEMP TABLE gone AS SELECT * FROM sync.sync_log WHERE received_at::date = %s", (day,))
        connection.execute("DELETE FROM sync.sync_log WHERE received_at::date = %s", (day,))
        connection.commit()
        assert reconciled(ingest_url, lake) == (Difference(day, 0, rows),)
        ingest.copy_days(ingest_url, lake, LOG, WINDOW)
        assert day not in lake.rows_by_day("sync_log")

        connection.execute("INSERT INTO sync.sync_log SELECT * FROM gone")
        connection.commit()
    assert reconciled(ingest_url, lake) == (Difference(day, rows, 0),)
    ingest.copy_days(ingest_url, lake, LOG, WINDOW)
    assert reconciled(ingest_url, lake) == ()


def test_days_in_which_rows_came_or_changed_are_copied_again_and_no_others(
    history: list[Row], lake: Lake, database_url: str, ingest_url: str
) -> None:
    conflicts = next(table for table in DAILY if table.name == "conflict_resolution")
    for table in (LOG, conflicts):
        ingest.copy_days(ingest_url, lake, table, WINDOW)
        assert ingest.copy_reopened(ingest_url, lake, table, WINDOW) == []
    days = sorted(changes_by_day(history))
    new_day, busy_day = days[0] - timedelta(days=2), days[4]
    change = next(row for row in history if isinstance(row, Change))

    # an import of old history, into a day that had rows and into one that had none; a conflict that somebody settles
    for number, day in enumerate((new_day, busy_day)):
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        late = {"event_id": f"00000000-0000-7000-8000-00000000000{number}", "received_at": at, "edited_at": at}
        insert(database_url, [Change(**{**vars(change), **late, "seq": 10_000 + number, "conflicted": False})])
    with psycopg.connect(database_url) as connection:
        ((settled_on,),) = connection.execute(
            "UPDATE sync.conflict_resolution SET status = 'discarded', changed_seq = 10002 WHERE conflict_id = ("
            "SELECT conflict_id FROM sync.conflict_resolution ORDER BY changed_seq LIMIT 1) "
            "RETURNING (event_received_at AT TIME ZONE 'UTC')::date"
        ).fetchall()

    assert ingest.copy_reopened(ingest_url, lake, LOG, (busy_day + timedelta(days=1), WINDOW[1])) == []
    assert ingest.copy_reopened(ingest_url, lake, LOG, WINDOW) == [new_day, busy_day]
    assert ingest.copy_reopened(ingest_url, lake, conflicts, WINDOW) == [settled_on]
    assert reconciled(ingest_url, lake) == ()
    assert "discarded" in pq.read_table(lake.day_file("conflict_resolution", settled_on)).column("status").to_pylist()
    assert ingest.copy_reopened(ingest_url, lake, LOG, WINDOW) == []

    # what the server archives stays in the lake
    archived = lake.day_file("sync_log", busy_day).read_bytes()
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM sync.sync_log WHERE id::text LIKE '00000000-0000-7000-8000-0000000000%'")
    assert ingest.copy_reopened(ingest_url, lake, LOG, WINDOW) == []
    assert lake.day_file("sync_log", busy_day).read_bytes() == archived


def test_a_role_that_does_not_see_every_tenant_is_refused_before_anything_is_removed(
    history: list[Row], lake: Lake, ingest_url: str, api_url: str
) -> None:
    ingest.copy_days(ingest_url, lake, LOG, WINDOW)
    whole = digests(lake)

    with pytest.raises(operational.BlindReaderError, match="row-level security"):
        ingest.copy_days(api_url, lake, LOG, WINDOW)
    with pytest.raises(operational.BlindReaderError):
        reconciled(api_url, lake)

    assert digests(lake) == whole


def test_rows_older_than_the_first_partition_are_told(history: list[Row], lake: Lake, ingest_url: str) -> None:
    first_day = WINDOW[1]

    found = reconcile_days(
        ingest_url, lake, LOG, (first_day, date(2027, 6, 1)), first_day=first_day, today=date(2030, 1, 1)
    )

    assert found.unreachable == sum(rows for day, rows in changes_by_day(history).items() if day < first_day)


def test_the_lake_knows_what_it_holds_of_a_tenant(
    history: list[Row], lake: Lake, database_url: str, ingest_url: str
) -> None:
    first_day = sorted(changes_by_day(history))[3]
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT sync.ensure_tenant('silent', 'silent')")
        connection.execute("UPDATE sync.tenant_clock SET seq = 4321 WHERE tenant_id = 't1'")

    ingest.copy_coverage(ingest_url, lake, first_day)

    noted = {row["tenant_id"]: row for row in pq.read_table(lake.snapshot_file(COVERAGE)).to_pylist()}
    clock = {"tenant_id": "t1", "held_to_seq": 4321, "missing_from_seq": 1}
    assert noted["t1"] == clock
    assert noted["silent"] == {"tenant_id": "silent", "held_to_seq": 0, "missing_from_seq": None}
    ingest.copy_coverage(ingest_url, lake, LONG_AGO)
    assert clock | {"missing_from_seq": None} in pq.read_table(lake.snapshot_file(COVERAGE)).to_pylist()


@pytest.mark.parametrize("table", SNAPSHOTS, ids=lambda table: table.name)
def test_snapshots_hold_every_row(table: ingest.RawTable, history: list[Row], lake: Lake, ingest_url: str) -> None:
    assert reconcile_snapshot(ingest_url, lake, table).differences

    done = ingest.copy_snapshot(ingest_url, lake, table)

    found = reconcile_snapshot(ingest_url, lake, table)
    assert (found.differences, found.in_lake) == ((), done.row_count)


def test_a_day_that_is_not_over_may_have_grown_but_not_shrunk() -> None:
    yesterday, today = date(2026, 11, 19), date(2026, 11, 20)

    assert compare({today: 5}, {today: 3}, today=today) == ()
    assert compare({today: 3}, {today: 5}, today=today) == (Difference(today, 3, 5),)
    assert compare({yesterday: 5}, {yesterday: 3}, today=today) == (Difference(yesterday, 5, 3),)
    assert compare({yesterday: 5}, {}, today=today) == (Difference(yesterday, 5, 0),)


@pytest.mark.parametrize("url", ["s3://bucket/lake", "/somewhere", "file://elsewhere/lake"])
def test_a_lake_that_could_not_replace_a_file_whole_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="file:///"):
        Lake.at(url)


def test_days_are_utc_days(lake: Lake, database_url: str, ingest_url: str) -> None:
    just_before_midnight = datetime(2026, 9, 28, 23, 59, 59, 999_999, tzinfo=UTC)
    change = next(row for row in random_history(seed=9, changes=1) if isinstance(row, Change))
    for at in (just_before_midnight, just_before_midnight + timedelta(microseconds=1)):
        moved = Change(**{**vars(change), "tenant": f"utc-{at.day}", "received_at": at})
        insert(database_url, [moved])

    by_day = ingest.copy_days(ingest_url, lake, LOG, (date(2026, 9, 28), date(2026, 9, 30))).by_day

    assert min(by_day.values()) >= 1
    assert set(by_day) == {date(2026, 9, 28), date(2026, 9, 29)}
