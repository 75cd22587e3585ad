"""Is the operational log whole? Looking is `lib.alarms`."""

import dagster as dg

from orchestration.defs.ingest.checks import window_of_run
from orchestration.lib import alarms
from orchestration.lib.metadata import markdown_table
from orchestration.settings import settings

WHAT_TO_DO = (
    "Call `SELECT sync.ensure_month('<month>-15')` as the owner of the schema for each of them: it makes the month and "
    "moves its rows. A server makes the months that it writes to; find out who wrote without one."
)
MISSING = "Rows of the log are missing: compare with the lake and a backup, and find out who deleted them."


@dg.asset_check(
    asset=dg.AssetKey(["raw", "sync_log"]),
    description="The log's default partition is empty: every row lies in the month that it belongs to.",
)
def every_month_exists() -> dg.AssetCheckResult:
    found = alarms.months_missing(settings().ingest_database_url)
    rows = sum(found.values())
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{rows} rows in {alarms.DEFAULT_PARTITION}. {WHAT_TO_DO}" if found else "no row without its month",
        metadata={"rows_in_default_partition": rows, "months": markdown_table(["month", "rows"], list(found.items()))},
    )


@dg.asset_check(
    asset=dg.AssetKey(["raw", "conflict_resolution"]),
    description="Conflicts, what they collided with, and outcomes of predictions point at events that are there.",
)
def references_hold(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    found = alarms.orphans(settings().ingest_database_url, window_of_run(context.run.tags))
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR,
        description=MISSING if found else "every reference leads to an event",
        metadata={
            "orphans": len(found),
            "which": markdown_table(
                ["reference", "tenant", "row", "event received at", "event"],
                [(o.reference, o.tenant, o.own_id, o.received_at, o.event_id) for o in found],
            ),
        },
    )
