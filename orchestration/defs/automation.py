"""What runs every night. `main_job` is the whole platform, once; the nights leave out the training, which is asked for
when it is needed (beside the training's assets)."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from orchestration.partitions import DAYS

# A run over a range of days takes these two tags (launchRun, backfills and the schedule set them alike). The daily
# assets copy the range in one go; everything else has no partitions and runs once.
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
# yesterday is over by then, and today's first pushes are in; the day before may have been imported into since
DAYS_AGAIN = 3

main_job = dg.define_asset_job(
    "main_job",
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("retention"),
    partitions_def=DAYS,
    description="Everything that is made of data: copy the days of the run, build those in which rows came, train, "
    "judge, promote, publish. "
    f"Launch it over a range of days with the tags {RANGE_START} and {RANGE_END}.",
)

nightly_job = dg.define_asset_job(
    "nightly_job",
    selection=dg.AssetSelection.all()
    - dg.AssetSelection.groups("retention")
    - dg.AssetSelection.assets("challenger", "champion"),
    partitions_def=DAYS,
    description="`main_job` without its training: copy the days of the run, rebuild the warehouse, watch the model "
    "that serves, say whether a training is needed, publish.",
)

snapshot_job = dg.define_asset_job(
    "snapshot_job",
    selection=dg.AssetSelection.groups("publishing").upstream(),
    partitions_def=DAYS,
    description="The figures that the sync API tells, brought up to date: copy the days of the run, rebuild the marts "
    "that are published and what they are made of, publish them. Trains nothing.",
)


@dg.schedule(
    job=nightly_job,
    cron_schedule="15 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night at 02:15 UTC: the last days again, and all that follows from them.",
)
def daily(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    today = context.scheduled_execution_time.date()
    first = max(today - timedelta(days=DAYS_AGAIN - 1), DAYS.start.date())
    yield dg.RunRequest(run_key=today.isoformat(), tags={RANGE_START: first.isoformat(), RANGE_END: today.isoformat()})


retention_job = dg.define_asset_job(
    "retention_job",
    selection=dg.AssetSelection.groups("retention"),
    description="Let the operational database go of what is too old to be asked for. Touches nothing that is copied.",
)

nightly_retention = dg.ScheduleDefinition(
    name="nightly_retention",
    job=retention_job,
    cron_schedule="45 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night at 03:45 UTC, also where there is nothing to let go of: the clocks are marked.",
)
