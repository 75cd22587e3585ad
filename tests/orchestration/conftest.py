"""A lake of the test's own beside the module's database, and the environment that points at both."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# the synthetic history is shared with the tests of the dbt project
sys.path.insert(0, str(Path(__file__).parents[1] / "dbt"))

from orchestration.lib.lake import Lake
from orchestration.settings import Settings, settings


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def environment(
    lake: Lake, tmp_path: Path, ingest_url: str, publish_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Everything that orchestration reads, pointing at the module's database and at folders of this test."""
    given = {
        "FORESYNC_INGEST_DATABASE_URL": ingest_url,
        "FORESYNC_PUBLISH_DATABASE_URL": publish_url,
        "FORESYNC_LAKE_URL": lake.root.as_uri(),
        "FORESYNC_WAREHOUSE_PATH": str(tmp_path / "warehouse.duckdb"),
        # nothing is to reach MLflow: too few events to train on
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        "DBT_LOG_PATH": str(tmp_path / "logs"),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield settings()
    settings.cache_clear()
