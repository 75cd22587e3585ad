"""The Dagster job of the demo: launched over the days of the history, watched, summed up by stage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from foresync.dagster_client import DagsterClient, Event

JOB = "main_job"

# asset group → the stage that it belongs to; a group of its own is a stage of its own
STAGES = {
    "ingest": "ingest",
    "staging": "dbt",
    "intermediate": "dbt",
    "features": "dbt",
    "marts": "dbt",
    "monitoring": "dbt",
    "training": "train",
    "promotion": "promote",
    "model_monitoring": "watch",
    "publishing": "publish",
}
STEP_ENDS = ("ExecutionStepSuccessEvent", "ExecutionStepFailureEvent")
ASSET_EVENTS = ("MaterializationEvent", "ObservationEvent", "AssetCheckEvaluationEvent")


@dataclass
class Stage:
    """What one stage came to: seconds of its steps, its assets' metadata, and checks passed and failed."""

    name: str
    seconds: float = 0.0
    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks_passed: int = 0
    checks_failed: int = 0

    @property
    def rows(self) -> int:
        """Rows of all its assets together."""
        return sum(int(facts.get("dagster/row_count") or 0) for facts in self.assets.values())

    @property
    def facts(self) -> dict[str, Any]:
        """The metadata of all its assets, later ones over earlier ones."""
        return {name: value for facts in self.assets.values() for name, value in facts.items()}


def launch(client: DagsterClient, first: date, last: date) -> str:
    """Start the job over the days from `first` to `last`, both included; return the run's id."""
    return client.launch(
        JOB,
        {
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        },
    )


def summarise(events: Iterable[Event], groups: Mapping[str, str]) -> dict[str, Stage]:
    """Fold a run's events into stages, in the order in which they made their first asset.

    A step belongs to the stage of the asset that it makes, or, where it only checks, of the asset that it checks.
    """
    stages: dict[str, Stage] = {}
    began: dict[str, float] = {}
    took: dict[str, float] = {}
    stage_of_step: dict[str, Stage] = {}
    for event in events:
        step = event.step or ""
        if event.kind == "ExecutionStepStartEvent":
            began[step] = event.at
        elif event.kind in STEP_ENDS and step in began:
            took[step] = event.at - began[step]
        elif event.asset and event.kind in ASSET_EVENTS:
            name = stage_name(groups.get(event.asset, "other"))
            stage = stage_of_step.setdefault(step, stages.setdefault(name, Stage(name)))
            if event.kind == "AssetCheckEvaluationEvent":
                stage.checks_passed += event.success is True
                stage.checks_failed += event.success is False
            else:
                stage.assets.setdefault(event.asset, {}).update(event.metadata)
    for step, stage in stage_of_step.items():
        stage.seconds += took.get(step, 0.0)
    return stages


def stage_name(group: str) -> str:
    return STAGES.get(group, group)
