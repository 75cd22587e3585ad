"""The checks of the log see what they are there to see."""

import dagster as dg
import psycopg
import pytest
from feature_history import random_history
from operational_rows import insert

from orchestration.defs.monitoring.alarms import every_month_exists, references_hold
from orchestration.settings import Settings

DAYS = {"dagster/asset_partition_range_start": "2026-08-25", "dagster/asset_partition_range_end": "2026-12-01"}


@pytest.fixture(scope="module")
def history(database_url: str) -> None:
    insert(database_url, random_history(seed=5, changes=120))


def evaluated(tags: dict[str, str] = DAYS) -> dict[str, tuple[bool, dg.AssetCheckSeverity, str, dict[str, object]]]:
    assets = [dg.AssetSpec(["raw", name]) for name in ("sync_log", "conflict_resolution")]
    job = dg.define_asset_job("alarms", selection=dg.AssetSelection.all_asset_checks())
    found = dg.Definitions(assets=assets, asset_checks=[every_month_exists, references_hold], jobs=[job])
    result = found.resolve_job_def("alarms").execute_in_process(tags=tags)
    return {
        one.check_name: (
            one.passed, one.severity, one.description or "", {n: v.value for n, v in one.metadata.items()},
        )
        for one in result.get_asset_check_evaluations()
    }  # fmt: skip


def test_rows_without_their_month_are_an_error_that_says_what_to_do(
    history: None, database_url: str, environment: Settings
) -> None:
    assert evaluated()["every_month_exists"][0]
    later = """
        INSERT INTO sync.sync_log
        SELECT (jsonb_populate_record(NULL::sync.sync_log, to_jsonb(l) || jsonb_build_object('received_at', at))).*
        FROM (SELECT * FROM sync.sync_log LIMIT 2) AS l, unnest(ARRAY[timestamptz '2031-05-05Z', '2031-07-05Z']) AS at
    """
    with psycopg.connect(database_url) as connection:
        connection.execute(later)
    passed, severity, words, facts = evaluated()["every_month_exists"]
    assert (passed, severity, facts["rows_in_default_partition"]) == (False, dg.AssetCheckSeverity.ERROR, 4)
    assert "sync.ensure_month" in words
    assert "| 2031-05 | 2 |\n| 2031-07 | 2 |" in str(facts["months"])
    with psycopg.connect(database_url) as connection:
        for month in ("2031-05", "2031-07"):
            connection.execute("SELECT sync.ensure_month(%s)", (f"{month}-15",))
    assert evaluated()["every_month_exists"][0]


def test_what_points_at_no_event_is_found_and_named(history: None, database_url: str, environment: Settings) -> None:
    assert evaluated()["references_hold"][0]
    with psycopg.connect(database_url) as connection:
        conflicts = connection.execute(
            "SELECT tenant_id, conflict_id, event_received_at, event_id FROM sync.conflict_resolution ORDER BY 3 DESC"
        ).fetchall()
        (tenant, first, at, event), (other, second, *_) = conflicts[0], conflicts[1]
        connection.execute("DELETE FROM sync.sync_log WHERE tenant_id = %s AND id = %s", (tenant, event))
        rivals = f'[{{"received_at": "{at.isoformat()}", "id": "00000000-0000-0000-0000-000000000001"}}]'
        connection.execute(
            "UPDATE sync.conflict_resolution SET conflicted_with = %s WHERE tenant_id = %s AND conflict_id = %s",
            (rivals, other, second),
        )
    passed, severity, _, facts = evaluated()["references_hold"]
    assert (passed, severity, facts["orphans"]) == (False, dg.AssetCheckSeverity.ERROR, 2)
    assert f"| conflict_resolution.event_id | {tenant} | {first} |" in str(facts["which"])
    assert f"| conflict_resolution.conflicted_with | {other} | {second} |" in str(facts["which"])
    elsewhere = dict.fromkeys(DAYS, "2026-01-01")
    assert evaluated(elsewhere)["references_hold"][0]  # not the days of that run
    assert not evaluated({})["references_hold"][0]


def test_what_points_into_a_month_that_was_taken_off_is_no_orphan(
    history: None, database_url: str, environment: Settings
) -> None:
    before = evaluated()["references_hold"][3]["orphans"]
    with psycopg.connect(database_url) as connection:
        (middle,) = connection.execute(
            "SELECT percentile_disc(0.3) WITHIN GROUP (ORDER BY received_at) FROM sync.sync_log"
        ).fetchone() or (None,)
        connection.execute("DELETE FROM sync.sync_log WHERE received_at < %s", (middle,))
    assert evaluated()["references_hold"][3]["orphans"] == before
