"""Which runs train, and whether a training is asked for: reading Dagster's own records. Launching is the sensor's."""

from dataclasses import dataclass

import dagster as dg

# why a run trains: a tag of the run, handed on to the MLflow run
REASON = "foresync/training_reason"
NEED, CHALLENGER = dg.AssetKey(["model_monitoring", "training_need"]), dg.AssetKey("challenger")
# the jobs that train when nobody has chosen among their assets
TRAINING_JOBS = frozenset({"main_job", "training_job"})
OVER = frozenset({dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED})


@dataclass(frozen=True, slots=True)
class Need:
    """What the newest materialisation of `training_need` says; `number` tells it from every other."""

    number: int
    reason: str


def under_way(instance: dg.DagsterInstance) -> str | None:
    """The id of a run that trains, or will, and is not over; None when there is none."""
    unfinished = [status for status in dg.DagsterRunStatus if status not in OVER]
    runs = instance.get_runs(dg.RunsFilter(statuses=unfinished))
    return next((run.run_id for run in runs if _trains(run)), None)


def open_need(instance: dg.DagsterInstance) -> Need | None:
    """The need that was stated last, unless nothing is needed or a training has been made since."""
    (newest, trained) = (instance.fetch_materializations(key, limit=1).records for key in (NEED, CHALLENGER))
    if not newest or (trained and trained[0].storage_id > newest[0].storage_id):
        return None
    stated = newest[0].asset_materialization
    reason = stated.metadata.get("reason") if stated else None
    return None if reason is None else Need(newest[0].storage_id, str(reason.value))


def _trains(run: dg.DagsterRun) -> bool:
    if run.asset_selection is None:
        return run.job_name in TRAINING_JOBS
    return CHALLENGER in run.asset_selection
