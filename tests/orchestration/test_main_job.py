"""The whole job over a range of days, on too few events to learn from."""

import warnings
from collections.abc import Iterator
from datetime import date

import dagster as dg
import psycopg
import pytest
from feature_history import random_history
from operational_rows import insert

from orchestration.lib import ingest
from orchestration.lib.lake import Lake
from orchestration.lib.tables import DAILY, SNAPSHOTS
from orchestration.prepare import prepare
from orchestration.settings import Settings

RANGE = {
    "dagster/asset_partition_range_start": "2026-08-25",
    "dagster/asset_partition_range_end": "2026-10-01",
}
DAYS = 38

pytestmark = pytest.mark.slow


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    prepare()
    from orchestration.definitions import defs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = defs().resolve_job_def("main_job")
        return job.execute_in_process(instance=instance, tags=RANGE, raise_on_error=False)


def row_counts(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    found = {}
    for event in result.get_asset_materialization_events():
        counted = event.materialization.metadata.get("dagster/row_count")
        assert counted is not None, event.asset_key
        found[event.asset_key.to_user_string()] = int(str(counted.value))
    return found


def published(database_url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            "SELECT tenant_id, hour_at, total_requests, total_conflicts, by_entity_type "
            "FROM sync.sync_analytics_snapshot ORDER BY 1, 2"
        ).fetchall()


def test_the_job_runs_well_twice_and_stops_before_training(
    database_url: str, environment: Settings, lake: Lake, instance: dg.DagsterInstance
) -> None:
    insert(database_url, random_history(seed=5, changes=120))

    first = run(instance)

    assert first.success
    counts, told = row_counts(first), published(database_url)
    assert counts["raw/sync_log"] == counts["staging/stg_sync__changes"] == 120
    assert counts["training_set"] == counts["features/training_examples"] > 0
    assert counts["published/sync_analytics_snapshot"] == len(told) > 0
    assert len(instance.get_materialized_partitions(dg.AssetKey(["raw", "sync_log"]))) == DAYS
    assert all(found.passed for found in first.get_asset_check_evaluations())
    # insufficient_training_data: a state that is told, and nothing made after it
    assert not {"challenger", "champion"} & counts.keys()
    (observed,) = first.get_asset_observation_events()
    told_of = observed.asset_observation_data.asset_observation
    assert told_of.asset_key == dg.AssetKey("challenger")
    assert told_of.metadata["state"].value == "insufficient_training_data"
    training_file = lake.training_file.read_bytes()

    second = run(instance)

    assert second.success
    # nothing came, so nothing is looked up of it
    assert row_counts(second) == counts | {"intermediate/int_field_sets": 0}
    assert published(database_url) == told
    assert lake.training_file.read_bytes() == training_file


def test_a_day_that_the_lake_lost_fails_the_check_of_its_table_alone(
    database_url: str, environment: Settings, lake: Lake, instance: dg.DagsterInstance
) -> None:
    from orchestration.defs.ingest.checks import reconciliation

    insert(database_url, random_history(seed=5, changes=120))
    for table in DAILY:
        ingest.copy_days(environment.ingest_database_url, lake, table, (date(2026, 8, 25), date(2026, 10, 2)))
    for table in SNAPSHOTS:
        ingest.copy_snapshot(environment.ingest_database_url, lake, table)
    next(path for _, path in lake.days("sync_request")).unlink()
    job = dg.define_asset_job("check", selection=dg.AssetSelection.checks(reconciliation))

    result = (
        dg.Definitions(asset_checks=[reconciliation], jobs=[job])
        .resolve_job_def("check")
        .execute_in_process(instance=instance, tags=RANGE)
    )

    verdicts = {found.asset_key.to_user_string(): found.passed for found in result.get_asset_check_evaluations()}
    assert [name for name, passed in verdicts.items() if not passed] == ["raw/sync_request"]
    assert len(verdicts) == 9
