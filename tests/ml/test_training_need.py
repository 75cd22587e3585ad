"""The need for a training as the platform states it: Dagster's assets, the lake and a real registry together."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from mlflow import MlflowClient

from ml import registry, train
from ml.estimators import Candidate
from orchestration.lib import monitoring
from orchestration.lib.lake import Lake
from orchestration.lib.trainings import REASON
from orchestration.settings import settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("empty_registry")]
FIRST_REASON = "there is no version yet, and 1,000 events to learn from"


@pytest.fixture
def lake(mlflow_server: str, rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """A lake with a training set, and settings that point at it; no database is asked for anything."""
    lake = Lake(tmp_path / "lake")
    given = {
        "FORESYNC_INGEST_DATABASE_URL": "postgresql://nobody",
        "FORESYNC_PUBLISH_DATABASE_URL": "postgresql://nobody",
        "FORESYNC_LAKE_URL": lake.root.as_uri(),
        "FORESYNC_WAREHOUSE_PATH": str(tmp_path / "warehouse.duckdb"),
        "MLFLOW_TRACKING_URI": mlflow_server,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    # one quick candidate
    monkeypatch.setitem(train.train.__kwdefaults__, "candidates", (Candidate("logistic_regression", {"C": 0.1}),))
    settings.cache_clear()
    lake.training_file.parent.mkdir(parents=True)
    rows.to_parquet(lake.training_file)
    yield lake
    settings.cache_clear()


def made(asset: dg.AssetsDefinition, tags: dict[str, str] | None = None) -> dict[str, Any]:
    """What a materialisation says of itself."""
    result = dg.materialize([asset], tags=tags, instance=dg.DagsterInstance.ephemeral())
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def moved(lake: Lake, version: str) -> None:
    today = datetime.now(UTC).date()
    row = {"day": today, "version": version, "feature": "user_conflict_rate", "has_drifted": True}
    monitoring.store(lake, "feature_drift", pd.DataFrame([row]))


def fell_short(lake: Lake, version: str) -> None:
    row = {
        "day": datetime.now(UTC).date(), "arm": "all", "version": version, "tenant_id": None, "moment": "all",
        "is_enough": True, "warnings": 500, "recall_high": 0.0,
    }  # fmt: skip
    monitoring.store(lake, "batch_quality", pd.DataFrame([row]))


def test_a_need_is_stated_met_and_gone(lake: Lake) -> None:
    from orchestration.defs.monitoring.training_need import training_need
    from orchestration.defs.training.assets import challenger

    first = made(training_need)
    made(challenger, {REASON: first["reason"]})
    (version,) = registry.versions()
    run = MlflowClient().get_run(version.run_id)
    registry.promote(version.version)
    moved(lake, version.version)
    fell_short(lake, version.version)
    second = made(training_need)

    assert first["reason"] == FIRST_REASON
    assert version.tags["training_reason"] == run.data.tags["training_reason"] == FIRST_REASON
    assert ("reason" in second, second["detail"]) == (False, "no training is needed")
    # what moved is told, but the version is of today
    assert "| drifted | user_conflict_rate |" in second["standing"] and "| new_events | 0 |" in second["standing"]
    assert "| shortfalls | recall is at most 0.000" in second["standing"]
    told = monitoring.stored(lake, "training_need")
    assert told is not None and told["newest_version"].tolist() == [version.version]

    moved(lake, "of another version")
    fell_short(lake, "of another version")
    third = made(training_need)["standing"]
    assert "| drifted |  |" in third and "| shortfalls |  |" in third
