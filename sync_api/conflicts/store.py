"""Conflicts as they are kept: found by filter, read whole, settled. No decision is made here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from sync_api.db.session import Connection

STATUSES = ("open", "resolved", "discarded")

COLUMNS = """c.conflict_id, c.status, c.reason, c.detection, c.severity, c.resolution_strategy, c.is_auto_resolved,
  c.is_shadow, c.entity_type, c.entity_id, c.user_id, c.device_id, c.event_id, c.client_version, c.server_version,
  c.policy_version, c.field_conflicts::text AS field_conflicts, c.created_at, c.resolved_at, c.resolved_by"""

# A status at a time, because the indexes are read newest first within one: a page costs a page, however long the
# history is.
PAGE = """
SELECT c.* FROM unnest($2::text[]) AS s (status)
CROSS JOIN LATERAL (
  SELECT {columns} FROM sync.conflict_resolution AS c
  WHERE c.tenant_id = $1 AND c.status = s.status{filters}
  ORDER BY c.created_at DESC, c.conflict_id DESC LIMIT $3
) AS c
ORDER BY c.created_at DESC, c.conflict_id DESC LIMIT $3
"""

# The log keeps what was sent; where it has been archived, an update is the likeliest.
ONE = f"""
SELECT {COLUMNS}, c.client_state::text AS client_state, c.server_state::text AS server_state,
  c.conflicted_with::text AS conflicted_with, l.operation, l.edited_at
FROM sync.conflict_resolution AS c
LEFT JOIN sync.sync_log AS l
  ON l.tenant_id = c.tenant_id AND l.received_at = c.event_received_at AND l.id = c.event_id
WHERE c.tenant_id = $1 AND c.conflict_id = $2
"""

HISTORY = """
SELECT decided_at, decided_by, decision, fields::text AS fields, detail::text AS detail
FROM sync.conflict_resolution_log WHERE tenant_id = $1 AND conflict_id = $2 ORDER BY decided_at, id
"""

RECORD = """
SELECT t.config_version, r.version, r.data::text AS data, r.field_versions::text AS stamps,
  r.deleted_at IS NOT NULL AS is_deleted, r.project_id
FROM sync.tenant AS t
LEFT JOIN sync.record AS r ON r.tenant_id = t.tenant_id AND r.entity_type = $2 AND r.entity_id = $3
WHERE t.tenant_id = $1
"""

# Runs after the push's own statement, which has moved the clock on for this row too and holds its lock.
SETTLE = """
WITH settled AS (
  UPDATE sync.conflict_resolution AS c SET status = $3, resolved_at = $4, resolved_by = $5, field_conflicts = $6,
    changed_seq = k.seq
  FROM sync.tenant_clock AS k
  WHERE c.tenant_id = $1 AND c.conflict_id = $2 AND c.status = 'open' AND k.tenant_id = $1
  RETURNING c.conflict_id
)
INSERT INTO sync.conflict_resolution_log (tenant_id, id, conflict_id, decided_at, decided_by, decision, fields, detail)
SELECT $1, $7, conflict_id, $4, $5, $8, $9, $10 FROM settled RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which conflicts are asked for; None: any."""

    status: str | None = None
    entity: str | None = None
    entity_id: str | None = None
    severity: str | None = None
    detection: str | None = None
    user: str | None = None
    since: datetime | None = None


async def page(
    connection: Connection, tenant: str, filters: Filters, after: tuple[datetime, UUID] | None, limit: int
) -> list[asyncpg.Record]:
    """The newest conflicts first, those before the place `after`."""
    wanted: list[tuple[str, Any]] = [
        ("c.entity_type = ${}", filters.entity),
        ("c.entity_id = ${}", filters.entity_id),
        ("c.severity = ${}", filters.severity),
        ("c.detection = ${}", filters.detection),
        ("c.user_id = ${}", filters.user),
        ("c.created_at >= ${}", filters.since),
    ]
    arguments: list[Any] = [tenant, [filters.status] if filters.status else STATUSES, limit]
    conditions = ""
    for condition, value in wanted:
        if value is not None:
            arguments.append(value)
            conditions += " AND " + condition.format(len(arguments))
    if after is not None:
        arguments += after
        conditions += f" AND (c.created_at, c.conflict_id) < (${len(arguments) - 1}, ${len(arguments)})"
    return await connection.fetch(PAGE.format(columns=COLUMNS, filters=conditions), *arguments)


async def one(connection: Connection, tenant: str, conflict_id: UUID) -> asyncpg.Record | None:
    return await connection.fetchrow(ONE, tenant, conflict_id)


async def history(connection: Connection, tenant: str, conflict_id: UUID) -> list[asyncpg.Record]:
    """Every decision about it, oldest first."""
    return await connection.fetch(HISTORY, tenant, conflict_id)


async def record(connection: Connection, tenant: str, entity: str, entity_id: str) -> asyncpg.Record | None:
    """The record as it is, with the number of the tenant's configuration; None when there is no such tenant."""
    return await connection.fetchrow(RECORD, tenant, entity, entity_id)


async def settle(
    connection: Connection,
    tenant: str,
    conflict_id: UUID,
    *,
    status: str,
    at: datetime,
    by: str,
    field_conflicts: Mapping[str, Any],
    log_id: str,
    choice: str,
    fields: Mapping[str, Any],
    detail: Mapping[str, Any],
) -> bool:
    """Close an open conflict and note the decision; false when it was not open any more."""
    texts = [orjson.dumps(part).decode() for part in (field_conflicts, fields, detail)]
    row = await connection.fetchrow(
        SETTLE, tenant, conflict_id, status, at, by, texts[0], log_id, choice, texts[1], texts[2]
    )
    return row is not None


def rows_told(rows: Sequence[asyncpg.Record]) -> list[dict[str, Any]]:
    """Rows with their JSON text read."""
    json = ("fields", "detail")
    return [{k: orjson.loads(v) if k in json else v for k, v in row.items()} for row in rows]
