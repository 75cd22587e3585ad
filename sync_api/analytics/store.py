"""Statements over the published tables. They are as old as their `published_at`; open conflicts are counted live."""

from datetime import datetime

import asyncpg

from sync_api.db.session import Connection

# What adds up over hours; a 95th percentile does not, so the worst hour's is told.
FIGURES = """
  coalesce(sum(total_requests), 0)::bigint AS total_requests,
  coalesce(sum(successful_requests), 0)::bigint AS successful_requests,
  coalesce(sum(failed_requests), 0)::bigint AS failed_requests,
  sum(avg_duration_ms * total_requests) / nullif(sum(total_requests), 0) AS avg_duration_ms,
  max(p95_duration_ms) AS worst_p95_duration_ms,
  sum(avg_items * total_requests) / nullif(sum(total_requests), 0) AS avg_items,
  coalesce(sum(total_changes), 0)::bigint AS total_changes,
  coalesce(sum(total_conflicts), 0)::bigint AS total_conflicts,
  coalesce(sum(auto_resolved_conflicts), 0)::bigint AS auto_resolved_conflicts,
  coalesce(sum(manual_conflicts), 0)::bigint AS manual_conflicts,
  100.0 * sum(total_conflicts) / nullif(sum(total_changes), 0) AS conflict_rate_pct,
  coalesce(sum(bytes_synced), 0)::bigint AS bytes_synced,
  coalesce(sum(bytes_saved_delta), 0)::bigint AS bytes_saved_delta,
  coalesce(sum(bytes_saved), 0)::bigint AS bytes_saved,
  100.0 * sum(bytes_saved) / nullif(sum(bytes_synced) + sum(bytes_saved), 0) AS bandwidth_efficiency_pct
"""

WINDOW = "FROM sync.sync_analytics_snapshot WHERE tenant_id = $1 AND hour_at >= $2 AND hour_at < $3"

TOTALS = f"SELECT {FIGURES}, max(published_at) AS published_at {WINDOW}"

SERIES = f"SELECT date_trunc($4, hour_at, 'UTC') AS at, {FIGURES} {WINDOW} GROUP BY 1 ORDER BY 1"

BY_ENTITY_TYPE = """
SELECT kind AS entity, sum((figures->>'changes')::bigint)::bigint AS changes,
       sum((figures->>'conflicts')::bigint)::bigint AS conflicts
FROM sync.sync_analytics_snapshot, jsonb_each(by_entity_type) AS each(kind, figures)
WHERE tenant_id = $1 AND hour_at >= $2 AND hour_at < $3
GROUP BY kind ORDER BY conflicts DESC, changes DESC, kind
"""

OPEN_CONFLICTS = """
SELECT severity, count(*) AS count FROM sync.conflict_resolution WHERE tenant_id = $1 AND status = 'open' GROUP BY 1
"""

DEVICES = """
SELECT count(*) AS known, count(*) FILTER (WHERE last_synced_at >= $2) AS seen,
       count(DISTINCT user_id) FILTER (WHERE last_synced_at >= $2) AS users_seen,
       avg(score) AS avg_score, count(*) FILTER (WHERE reasons <> '[]') AS in_trouble
FROM sync.sync_device_health WHERE tenant_id = $1
"""

DEVICE_HEALTH = """
SELECT device_id, user_id, score, success_rate_pct, conflict_rate_pct, last_synced_at, reasons, published_at
FROM sync.sync_device_health
WHERE tenant_id = $1 AND ($2::double precision IS NULL OR score < $2) AND ($3::text IS NULL OR reasons ? $3)
  AND ($4::double precision IS NULL OR (score, device_id) > ($4, $5))
ORDER BY score, device_id LIMIT $6
"""


async def totals(connection: Connection, tenant: str, since: datetime, until: datetime) -> asyncpg.Record:
    """The figures of the window's published hours; `published_at` is null when there are none."""
    row = await connection.fetchrow(TOTALS, tenant, since, until)
    assert row is not None
    return row


async def series(
    connection: Connection, tenant: str, since: datetime, until: datetime, bucket: str
) -> list[asyncpg.Record]:
    """The same by UTC hour or day; one with nothing pushed has no row."""
    return list(await connection.fetch(SERIES, tenant, since, until, bucket))


async def by_entity_type(connection: Connection, tenant: str, since: datetime, until: datetime) -> list[asyncpg.Record]:
    """Changes and conflicts of each entity type, the most contested first."""
    return list(await connection.fetch(BY_ENTITY_TYPE, tenant, since, until))


async def open_conflicts(connection: Connection, tenant: str) -> dict[str, int]:
    """Severity → conflicts that wait for a human now."""
    return {row["severity"]: row["count"] for row in await connection.fetch(OPEN_CONFLICTS, tenant)}


async def devices(connection: Connection, tenant: str, since: datetime) -> asyncpg.Record:
    """How many devices there are, and how many synced since then."""
    row = await connection.fetchrow(DEVICES, tenant, since)
    assert row is not None
    return row


async def device_health(
    connection: Connection,
    tenant: str,
    below: float | None,
    reason: str | None,
    after: tuple[float, str] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Devices, the least healthy first."""
    score, device = after or (None, None)
    return list(await connection.fetch(DEVICE_HEALTH, tenant, below, reason, score, device, limit))
