"""What the operational database lets go of, once a day. What may go is said at its functions."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.lib import retention as lib
from orchestration.lib.metadata import markdown_table
from orchestration.lib.operational import BlindReaderError
from orchestration.settings import RetentionSettings, settings

# a writer may hold a clock for long, the database may be restarting; whatever has gone by then has gone
RETRY = dg.RetryPolicy(max_retries=3, delay=10, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
MOST_SHOWN = 50


@dg.asset(
    group_name="retention",
    description="The tombstone horizon of every tenant, moved to where its clock stood `FORESYNC_RETENTION_DAYS` ago. "
    "Below it tombstones keep no more than that they are, and notes of who lost sight of what are gone. Stored answers "
    "go by their age, and so do warnings about edits that are over. A device that has not read the feed since is told "
    "to read everything again.",
    kinds={"postgres"},
    owners=["team:data"],
    pool="retention",
    retry_policy=RETRY,
)
def retention() -> dg.MaterializeResult[None]:
    days = RetentionSettings().retention_days
    before = datetime.now(UTC) - timedelta(days=days)
    try:
        done = lib.retain(settings().ingest_database_url, settings().publish_database_url, before)
    except BlindReaderError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    moved = [one for one in done.tenants if one.horizon > one.former]
    tombstones = sum(one.tombstones for one in done.tenants)
    forgotten = sum(one.access_changes for one in done.tenants)
    warnings = sum(one.warnings for one in done.tenants)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": tombstones + forgotten + warnings + done.answers,
            "retention_days": days,
            "before": dg.MetadataValue.timestamp(before),
            "tenants": len(done.tenants),
            "horizons_moved": len(moved),
            "tombstones_emptied": tombstones,
            "access_changes_forgotten": forgotten,
            "warnings_forgotten": warnings,
            "answers_forgotten": done.answers,
            "horizons": markdown_table(
                ["tenant", "from", "to", "tombstones emptied", "access changes forgotten"],
                [(t.tenant, t.former, t.horizon, t.tombstones, t.access_changes) for t in moved[:MOST_SHOWN]],
            ),
        }
    )
