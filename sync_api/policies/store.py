"""Conflict policies as they are kept: every version stays."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from sync_api.db.session import Connection, Raced

COLUMNS = "entity_type, version, strategy, field_rules::text, auto_resolve, mode, created_by, created_at"


# A status at a time, because the index is read newest first within one. Rows of the log are found by their whole key.
CONFLICTS = """
SELECT c.*, l.operation, l.edited_at, r.rivals
FROM unnest(ARRAY['open', 'resolved', 'discarded']) AS s (status)
CROSS JOIN LATERAL (
  SELECT c.conflict_id, c.entity_type, c.entity_id, c.user_id, c.device_id, c.severity, c.status, c.created_at,
    c.client_version, c.server_version, c.field_conflicts::text AS field_conflicts,
    c.client_state::text AS client_state, c.server_state::text AS server_state, c.conflicted_with,
    c.event_received_at, c.event_id
  FROM sync.conflict_resolution AS c
  WHERE c.tenant_id = $1 AND c.status = s.status AND c.entity_type = ANY ($2) AND c.detection = 'version'
    AND c.created_at >= $3 AND ($4::timestamptz IS NULL OR (c.created_at, c.conflict_id) < ($4, $5::uuid))
  ORDER BY c.created_at DESC, c.conflict_id DESC LIMIT $6
) AS c
LEFT JOIN LATERAL (
  SELECT l.operation, l.edited_at FROM sync.sync_log AS l
  WHERE l.tenant_id = $1 AND l.received_at = c.event_received_at AND l.id = c.event_id
) AS l ON true
LEFT JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object(
    'version', l.new_version, 'fields', l.fields, 'device', coalesce(l.device_id, k.device),
    'edited_at', to_char(coalesce(l.edited_at, k.received_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  ))::text AS rivals
  FROM jsonb_to_recordset(c.conflicted_with) AS k (received_at timestamptz, id uuid, device text)
  LEFT JOIN sync.sync_log AS l ON l.tenant_id = $1 AND l.received_at = k.received_at AND l.id = k.id
) AS r ON true
ORDER BY c.created_at DESC, c.conflict_id DESC LIMIT $6
"""


async def newest(connection: Connection, entity_type: str) -> asyncpg.Record | None:
    """The policy that holds for exactly this name."""
    return await connection.fetchrow(
        f"SELECT {COLUMNS} FROM sync.tenant_conflict_policy WHERE entity_type = $1 ORDER BY version DESC LIMIT 1",
        entity_type,
    )


async def add(
    connection: Connection,
    tenant: str,
    entity_type: str,
    *,
    strategy: str,
    field_rules: dict[str, Any],
    auto_resolve: bool,
    mode: str,
    user: str,
) -> asyncpg.Record:
    """A new version, in force from the next push on. Raced when somebody has just added one."""
    row = await connection.fetchrow(
        f"""INSERT INTO sync.tenant_conflict_policy (tenant_id, entity_type, version, strategy, field_rules,
              auto_resolve, mode, created_by)
            SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7
            FROM sync.tenant_conflict_policy WHERE entity_type = $2
            ON CONFLICT DO NOTHING RETURNING {COLUMNS}""",
        tenant, entity_type, strategy, json.dumps(field_rules), auto_resolve, mode, user,
    )  # fmt: skip
    if row is None:
        raise Raced
    await raise_config_version(connection, tenant)
    return row


async def raise_config_version(connection: Connection, tenant: str) -> None:
    """Have every server read the tenant's types and policies again."""
    await connection.execute("UPDATE sync.tenant SET config_version = config_version + 1 WHERE tenant_id = $1", tenant)


async def versions(connection: Connection, entity_type: str, limit: int) -> list[asyncpg.Record]:
    """Every version that this name has had, newest first."""
    return await connection.fetch(
        f"""SELECT {COLUMNS} FROM sync.tenant_conflict_policy WHERE entity_type = $1
            ORDER BY version DESC LIMIT $2""",
        entity_type, limit,
    )  # fmt: skip


async def conflicts(
    connection: Connection,
    tenant: str,
    entity_types: Sequence[str],
    since: datetime,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Conflicts of these types with the times of both sides, newest first."""
    return await connection.fetch(CONFLICTS, tenant, entity_types, since, *(after or (None, None)), limit)
