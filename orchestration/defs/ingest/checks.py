"""Every raw table against PostgreSQL, after each copy. Counting is `lib.reconcile`."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from orchestration.lib.lake import Lake
from orchestration.lib.metadata import markdown_table
from orchestration.lib.operational import BlindReaderError
from orchestration.lib.reconcile import Reconciliation, reconcile_days, reconcile_snapshot
from orchestration.lib.tables import DAILY, SNAPSHOTS, RawTable
from orchestration.partitions import DAYS
from orchestration.settings import Settings, settings

NAME = "rows_match_postgres"
RAW_TABLES = {dg.AssetKey(["raw", table.name]): table for table in (*DAILY, *SNAPSHOTS)}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(NAME, asset=key, description="As many rows per day as PostgreSQL holds.")
        for key in RAW_TABLES
    ],
    can_subset=True,
)
def reconciliation(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """The days of the run, or all of them when it names none."""
    for key in sorted(context.selected_asset_check_keys):
        yield _result(key.asset_key, window_of_run(context.run.tags))


def window_of_run(tags: Mapping[str, str]) -> tuple[date, date]:
    """(first day, day after the last) of a run, by its tags; everything when they name none."""
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or tags.get("dagster/partition")
    today = datetime.now(UTC).date()
    start = date.fromisoformat(first) if first else DAYS.start.date()
    return start, (date.fromisoformat(last) if last else today) + timedelta(days=1)


def _result(key: dg.AssetKey, window: tuple[date, date]) -> dg.AssetCheckResult:
    try:
        found = _reconcile(RAW_TABLES[key], window, settings())
    except BlindReaderError as error:
        return dg.AssetCheckResult(check_name=NAME, asset_key=key, passed=False, description=str(error))
    return dg.AssetCheckResult(
        check_name=NAME,
        asset_key=key,
        passed=not found.differences and not found.unreachable,
        # old rows are nobody's mistake; missing ones are
        severity=dg.AssetCheckSeverity.ERROR if found.differences else dg.AssetCheckSeverity.WARN,
        description=_words(found),
        metadata={
            "rows_in_postgres": found.in_postgres,
            "rows_in_lake": found.in_lake,
            "rows_before_first_day": found.unreachable,
            "differences": markdown_table(
                ["day", "PostgreSQL", "lake"],
                [(d.day or "all", d.in_postgres, d.in_lake) for d in found.differences[:50]],
            ),
        },
    )


def _reconcile(table: RawTable, window: tuple[date, date], given: Settings) -> Reconciliation:
    lake = Lake.at(given.lake_url)
    if table.at is None:
        return reconcile_snapshot(given.ingest_database_url, lake, table)
    return reconcile_days(
        given.ingest_database_url, lake, table, window, first_day=given.first_day, today=datetime.now(UTC).date()
    )


def _words(found: Reconciliation) -> str:
    if found.differences:
        return f"{len(found.differences)} days differ; materialise them again"
    if found.unreachable:
        return f"{found.unreachable} rows are older than the first partition and never copied"
    return f"{found.in_lake} rows on both sides"
