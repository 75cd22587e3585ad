"""One project, two of its engines: DuckDB over the lake and PostgreSQL over its own tables make the same of it."""

from pathlib import Path

import pytest
from engines import differences, fetch_from_postgres, models, warehouse_in_postgres
from many_events import insert_many
from warehouse_under_test import Warehouse

pytestmark = pytest.mark.slow

MADE_UP = 85_000


@pytest.fixture(scope="module")
def warehouse(database_url: str, ingest_url: str, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Built by DuckDB over the lake."""
    insert_many(database_url, MADE_UP, per_day=5000)
    made = Warehouse(Path(tmp_path_factory.mktemp("warehouse")))
    made.copy_all_from(ingest_url)
    made.dbt("build", "--exclude-resource-type", "unit_test")
    return made


@pytest.fixture(scope="module")
def in_postgres(warehouse: Warehouse, database_url: str) -> str:
    """Built by PostgreSQL; the URL of whoever built it."""
    url, environment = warehouse_in_postgres(database_url)
    warehouse.dbt("build", "--exclude-resource-type", "unit_test", **environment)
    return url


def test_the_events_are_as_many_and_as_mixed_as_they_should_be(warehouse: Warehouse) -> None:
    (counts,) = warehouse.rows(
        "SELECT count(*) AS events, count(DISTINCT tenant_id) AS tenants, "
        "count(*) FILTER (tenant_id = 'jupyter-notebook') AS real FROM staging.stg_sync__changes"
    )
    moments = warehouse.rows("SELECT DISTINCT moment, is_announced FROM intermediate.int_moments")

    assert counts == {"events": 99_980, "tenants": 4, "real": 14_980}
    assert len(moments) == 6


def test_postgres_makes_every_table_the_same(warehouse: Warehouse, in_postgres: str, tmp_path: Path) -> None:
    found = models(warehouse)

    assert {model.schema for model in found} == {"intermediate", "features", "marts", "monitoring"}
    assert differences(warehouse, found, fetch_from_postgres(in_postgres, found, tmp_path)) == {}


def test_one_other_value_would_be_found(warehouse: Warehouse) -> None:
    found = models(warehouse)
    same = {model.name: f"{model.schema}.{model.name}" for model in found}
    one = "SELECT min(moment_id) FROM features.conflict_features WHERE user_conflict_rate > 0"
    other = f"CASE WHEN moment_id = ({one}) THEN 1 + 2e-9 ELSE 1 END"

    moved = f"(SELECT * REPLACE (user_conflict_rate * {other} AS user_conflict_rate) FROM features.conflict_features)"
    first = "SELECT min(event_no) FROM intermediate.int_event_numbers"
    fewer = f"(SELECT * FROM intermediate.int_event_numbers WHERE event_no <> ({first}))"

    assert differences(warehouse, found, same) == {}
    assert differences(warehouse, found, same | {"conflict_features": moved, "int_event_numbers": fewer}) == {
        "conflict_features": {"user_conflict_rate": 1},
        "int_event_numbers": {"only_ours": 1},
    }
