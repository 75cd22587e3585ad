"""When a training is asked for: as soon as a need is stated, and once a week whatever is stated. Never two at once."""

import dagster as dg

from orchestration.lib.trainings import REASON, open_need, under_way

training_job = dg.define_asset_job(
    "training_job",
    selection=dg.AssetSelection.assets("training_set", "challenger", "champion"),
    description="Train on what the warehouse holds, judge, promote. Copies and publishes nothing.",
)


@dg.sensor(
    job=training_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Trains when `model_monitoring/training_need` says why, once for each time that it is said.",
)
def training_when_needed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    need = open_need(context.instance)
    if need is None:
        return dg.SkipReason("no training is needed")
    if context.cursor == str(need.number):
        return dg.SkipReason(f"a training was asked for already: {need.reason}")
    running = under_way(context.instance)
    if running is not None:
        return dg.SkipReason(f"run {running} trains already")
    # the key too: a daemon that dies between launch and cursor does not launch twice
    request = dg.RunRequest(run_key=f"need-{need.number}", tags={REASON: need.reason})
    return dg.SensorResult(run_requests=[request], cursor=str(need.number))


@dg.schedule(
    job=training_job,
    cron_schedule="15 5 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every Sunday at 05:15 UTC, needed or not: no version grows old unnoticed.",
)
def weekly_training(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    running = under_way(context.instance)
    if running is not None:
        return dg.SkipReason(f"run {running} trains already")
    week = context.scheduled_execution_time.date().isoformat()
    return dg.RunRequest(run_key=week, tags={REASON: "the training of the week"})
