"""Online = offline: the features that answers were given on are those that the training rows are made of."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from warehouse_under_test import Warehouse

from ml.features import FEATURE_NAMES
from orchestration.lib import parity
from orchestration.lib.warehouse import export_training_set
from orchestration.settings import settings
from tests.orchestration.lived import STRANGER, UNKNOWN, live

pytestmark = pytest.mark.slow

EVER = (date(2020, 1, 1), datetime.now(UTC).date() + timedelta(days=2))
FALSIFIED = """
UPDATE sync.prediction_log
SET features_json = jsonb_set(features_json, '{features,field_overlap_score}',
  to_jsonb((features_json #>> '{features,field_overlap_score}')::float8 * (1 + 1e-8)))
WHERE prediction_id = (
  SELECT prediction_id FROM sync.prediction_log
  WHERE (features_json #>> '{features,field_overlap_score}')::float8 > 0 ORDER BY prediction_id LIMIT 1)
RETURNING prediction_id
"""
UNSEEN = """
SELECT count(DISTINCT p.prediction_id) AS n
FROM staging.stg_sync__predictions AS p JOIN staging.stg_sync__changes AS c USING (tenant_id)
WHERE c.received_at < p.asked_at AND c.seq > p.as_of_seq
"""


@pytest.fixture(scope="module")
def lived(database_url: str, api_url: str, serving_url: str, jwt_secret: str, tmp_path_factory) -> str:
    """The administrator's URL of a database in which people have pushed, edited and asked."""
    urls = {"admin": database_url, "api": api_url, "serving": serving_url}
    asyncio.run(live("team", urls, jwt_secret, tmp_path_factory.mktemp("lived")))
    return database_url


@pytest.fixture(scope="module")
def warehouse(lived: str, ingest_url: str, tmp_path_factory) -> Warehouse:
    made = Warehouse(Path(tmp_path_factory.mktemp("warehouse")))
    made.copy_from(ingest_url, EVER)
    made.dbt("build", "--exclude-resource-type", "unit_test")  # they do not depend on what was asked
    return made


def checked(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> dg.AssetCheckResult:
    """What the check says of the warehouse."""
    from orchestration.defs.monitoring.checks import online_equals_offline

    for name in ("FORESYNC_INGEST_DATABASE_URL", "FORESYNC_PUBLISH_DATABASE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "unused")
    monkeypatch.setenv("FORESYNC_LAKE_URL", warehouse.lake.root.as_uri())
    monkeypatch.setenv("FORESYNC_WAREHOUSE_PATH", str(warehouse.path))
    settings.cache_clear()
    try:
        return online_equals_offline()
    finally:
        settings.cache_clear()


def test_what_was_asked_asks_everything_of_the_features(warehouse: Warehouse) -> None:
    asked = warehouse.rows("SELECT * FROM staging.stg_sync__predictions")

    assert {row["moment"] for row in asked} == {"edit_start", "edit_open"}
    assert {row["entity_id"] for row in asked} >= {UNKNOWN}
    assert {row["user_id"] for row in asked} >= {STRANGER}
    assert {bool(row["announced_fields"]) for row in asked} == {True, False}
    assert len({row["as_of_seq"] for row in asked}) > 15
    assert {row["concurrent_editors"] for row in asked} >= {0.0, 1.0, 2.0}
    for name in FEATURE_NAMES:
        assert name == "records_open" or len({row[name] for row in asked}) > 1, name
    assert any(0 < row["field_overlap_score"] < 1 for row in asked)
    assert any(0 < row["fields_behind_share"] < 1 for row in asked)
    assert {row["device_id"] is None for row in asked} == {row["edit_id"] is None for row in asked} == {True, False}
    assert any(0 < row["hours_since_last_sync"] < 168 for row in asked)
    assert any(0 < row["user_conflict_rate"] < 100 for row in asked)
    # about what was received by then, in a transaction that was still open
    assert warehouse.rows(UNSEEN)[0]["n"] >= 20
    assert {row["outcome"] for row in warehouse.rows("SELECT outcome FROM staging.stg_sync__changes")} >= {
        "applied", "merged", "conflict",
    }  # fmt: skip


def test_every_answer_was_given_on_what_the_warehouse_works_out(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, told = parity.read(warehouse.path), checked(warehouse, monkeypatch)

    print(found)
    assert found.worst == ()
    assert (found.different, found.not_held_yet, found.held_in_part) == (0, 0, 0)
    assert found.compared == len(warehouse.rows("SELECT 1 AS one FROM staging.stg_sync__predictions")) > 300
    assert found.largest <= 1e-9
    assert told.passed
    assert told.metadata["predictions_compared"].value == found.compared
    assert str(found.compared) in str(told.description)


def test_a_value_that_was_logged_wrong_is_found(
    lived: str, warehouse: Warehouse, ingest_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(lived) as connection:
        ((prediction_id,),) = connection.execute(FALSIFIED).fetchall()
    warehouse.copy_from(ingest_url, EVER)
    warehouse.dbt("run", "--select", "fct_prediction_parity")

    found, told = parity.read(warehouse.path), checked(warehouse, monkeypatch)

    (difference,) = found.worst
    assert (difference.prediction_id, difference.feature) == (str(prediction_id), "field_overlap_score")
    assert found.different == 1
    assert not told.passed
    assert told.severity == dg.AssetCheckSeverity.ERROR
    assert str(prediction_id) in str(told.metadata["worst_differences"].value)


def test_what_was_asked_leaves_the_training_set_as_it_is(warehouse: Warehouse, tmp_path: Path) -> None:
    asked_about = export_training_set(warehouse.path, tmp_path / "asked.parquet")
    for _, path in warehouse.lake.days("prediction_log"):
        path.unlink()
    warehouse.dbt("run", "--select", "+training_examples", "+fct_prediction_parity")
    never_asked = export_training_set(warehouse.path, tmp_path / "never.parquet")

    assert asked_about.rows > 500
    assert asked_about.sha256 == never_asked.sha256
    assert parity.words(parity.read(warehouse.path)) == "nothing to compare yet"
