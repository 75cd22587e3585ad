"""The need for a training as the platform states it: Dagster's assets, the lake and a real registry together."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from materialised import made
from mlflow import MlflowClient

from ml import registry
from orchestration.lib import monitoring
from orchestration.lib.lake import Lake
from orchestration.lib.trainings import REASON

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("empty_registry")]
FIRST_REASON = "there is no version yet, and 1,000 events to learn from"


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
