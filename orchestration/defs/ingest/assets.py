"""The raw tables of the lake, one asset a table. How they are copied is `lib.ingest`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg

from orchestration.lib import ingest
from orchestration.lib.dbt_facts import column_meanings
from orchestration.lib.lake import Lake
from orchestration.lib.metadata import table_facts
from orchestration.lib.operational import BlindReaderError
from orchestration.lib.tables import ANSWERS, COVERAGE, DAILY, SEEN_BY_FEATURES, SNAPSHOTS, RawTable
from orchestration.partitions import DAYS, window_of
from orchestration.prepare import manifest
from orchestration.settings import settings

# the database may be restarting; whoever is blind stays blind
RETRY = dg.RetryPolicy(max_retries=3, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


@contextmanager
def _final_when_blind() -> Iterator[None]:
    try:
        yield
    except BlindReaderError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


@dg.asset(
    key=["raw", COVERAGE],
    deps=[dg.AssetKey(["raw", ANSWERS])],
    group_name="ingest",
    description="How far each tenant's clock had come when its rows were copied, and from where on some are too old to "
    "be copied. What an answer saw beyond that cannot be worked out again.",
    kinds={"postgres", "parquet"},
    owners=["team:data"],
    # It is one note of the whole. But a backfill of days asks for what stands behind days, not behind a note.
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    retry_policy=RETRY,
)
def lake_coverage() -> dg.MaterializeResult[None]:
    given = settings()
    with _final_when_blind():
        done = ingest.copy_coverage(given.ingest_database_url, Lake.at(given.lake_url), given.first_day)
    return dg.MaterializeResult(metadata=_facts(COVERAGE, done, done.row_count))


def _facts(table: str, done: ingest.Copied, rows: int) -> dict[str, Any]:
    return table_facts(done.schema, rows, column_meanings(manifest(), table))


def _daily(table: RawTable) -> dg.AssetsDefinition:
    @dg.asset(
        key=["raw", table.name],
        deps=[lake_coverage] if table.name in SEEN_BY_FEATURES else [],
        group_name="ingest",
        description=f"{table.description} A Parquet file per UTC day of `{table.at}`.",
        kinds={"postgres", "parquet"},
        owners=["team:data"],
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
    )
    def copied(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        window = window_of(context.partition_key_range)
        given = settings()
        lake = Lake.at(given.lake_url)
        with _final_when_blind():
            done = ingest.copy_days(given.ingest_database_url, lake, table, window)
            # what the days before have become since they were copied
            reopened = ingest.copy_reopened(given.ingest_database_url, lake, table, (given.first_day, window[0]))
        for key in context.partition_keys:
            rows = done.by_day.get(DAYS.time_window_for_partition_key(key).start.date(), 0)
            context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=key)
        total = sum(lake.rows_by_day(table.name).values())
        return dg.MaterializeResult(
            metadata={**_facts(table.name, done, total), "rows_copied": done.row_count, **_told(reopened)}
        )

    return copied


def _told(reopened: list[date]) -> dict[str, Any]:
    return {"days_reopened": len(reopened), **({"reopened": ", ".join(map(str, reopened[:50]))} if reopened else {})}


def _snapshot(table: RawTable) -> dg.AssetsDefinition:
    @dg.asset(
        key=["raw", table.name],
        group_name="ingest",
        description=f"{table.description} One Parquet file, replaced whole.",
        kinds={"postgres", "parquet"},
        owners=["team:data"],
        retry_policy=RETRY,
    )
    def copied() -> dg.MaterializeResult[None]:
        with _final_when_blind():
            done = ingest.copy_snapshot(settings().ingest_database_url, Lake.at(settings().lake_url), table)
        return dg.MaterializeResult(metadata=_facts(table.name, done, done.row_count))

    return copied


@dg.definitions
def raw_tables() -> dg.Definitions:
    return dg.Definitions(assets=[lake_coverage, *map(_daily, DAILY), *map(_snapshot, SNAPSHOTS)])
