"""Conflict policies as they are kept: every version stays."""

import json
from typing import Any

import asyncpg

from sync_api.db.session import Connection, Raced

COLUMNS = "entity_type, version, strategy, field_rules::text, auto_resolve, mode, created_by, created_at"


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


async def config_version(connection: Connection, tenant: str) -> int | None:
    """The number of the tenant's configuration; None when there is no such tenant."""
    found: int | None = await connection.fetchval("SELECT config_version FROM sync.tenant WHERE tenant_id = $1", tenant)
    return found
