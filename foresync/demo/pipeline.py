"""The Dagster job of the demo: launched over the days of the history, watched, summed up by stage."""

from collections import defaultdict
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
    "publishing": "publish",
}


@dataclass
class Stage:
    """What one stage came to: seconds of its steps, materialised assets, and checks passed and failed."""

    name: str
    seconds: float = 0.0
    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks_passed: int = 0
    checks_failed: int = 0

    @property
    def rows(self) -> int:
        """Rows of all its assets together."""
        return sum(int(facts.get("dagster/row_count") or 0) for facts in self.assets.values())


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
    """Fold a run's events into stages, in the order in which they began."""
    stages: dict[str, Stage] = {}
    began: dict[str, float] = {}
    seconds: dict[str, float] = {}
    stage_of_step: dict[str, str] = {}
    checks: dict[str, list[bool]] = defaultdict(list)
    for event in events:
        step = event.step or ""
        if event.kind == "ExecutionStepStartEvent":
            began[step] = event.at
        elif event.kind in ("ExecutionStepSuccessEvent", "ExecutionStepFailureEvent") and step in began:
            seconds[step] = event.at - began[step]
        elif event.kind == "AssetCheckEvaluationEvent" and event.success is not None:
            checks[step].append(event.success)
        elif event.kind in ("MaterializationEvent", "ObservationEvent") and event.asset:
            name = stage_name(groups.get(event.asset, "other"))
            stage_of_step[step] = name
            stages.setdefault(name, Stage(name)).assets.setdefault(event.asset, {}).update(event.metadata)
    for step, took in seconds.items():
        # the step of a check alone makes no asset: its name begins with the asset's
        name = stage_of_step.get(step) or next((s for a, s in stage_of_step.items() if step.startswith(a)), "checks")
        stage = stages.setdefault(name, Stage(name))
        stage.seconds += took
        stage.checks_passed += sum(checks[step])
        stage.checks_failed += len(checks[step]) - sum(checks[step])
    return stages


def stage_name(group: str) -> str:
    return STAGES.get(group, group)
