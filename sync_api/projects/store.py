"""Members of projects, and the rows that tell the feed whose sight of which records has changed.

The member's row comes first: a push that writes as this member holds it until it commits. The clock comes next, and
the records are looked up after it: whatever a push put into the project before has been committed then, and is found.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

import asyncpg

from sync_api.db.session import Connection

# of a membership: (connection, tenant, project, user, at) → the member as it now is
Change = Callable[[Connection, str, str, str, datetime], Awaitable[asyncpg.Record | None]]

MEMBER = "SELECT project_id, user_id, granted_at, revoked_at, seq FROM sync.project_member"

GRANT = """
INSERT INTO sync.project_member AS m (tenant_id, project_id, user_id, seq, granted_at) VALUES ($1, $2, $3, 0, $4)
ON CONFLICT (tenant_id, project_id, user_id) DO UPDATE SET granted_at = excluded.granted_at, revoked_at = NULL
WHERE m.revoked_at IS NOT NULL
RETURNING 1
"""

REVOKE = """
UPDATE sync.project_member SET revoked_at = $4
WHERE tenant_id = $1 AND project_id = $2 AND user_id = $3 AND revoked_at IS NULL
RETURNING 1
"""

HOLD_CLOCK = "SELECT seq FROM sync.tenant_clock WHERE tenant_id = $1 FOR NO KEY UPDATE"

# One place in the order for every record of the project, and one for the change itself.
TELL = """
WITH found AS MATERIALIZED (
  SELECT entity_type, entity_id, row_number() OVER (ORDER BY seq) AS place
  FROM sync.record WHERE tenant_id = $1 AND project_id = $2
), clock AS (
  UPDATE sync.tenant_clock SET seq = seq + (SELECT count(*) FROM found) + 1 WHERE tenant_id = $1
  RETURNING seq, seq - (SELECT count(*) FROM found) - 1 AS start
), told AS (
  INSERT INTO sync.access_change (tenant_id, project_id, user_id, entity_type, entity_id, seq)
  SELECT $1, $2, $3, entity_type, entity_id, clock.start + place FROM found, clock
  ON CONFLICT (tenant_id, project_id, user_id, entity_type, entity_id) DO UPDATE SET seq = excluded.seq
)
UPDATE sync.project_member AS m SET seq = clock.seq FROM clock
WHERE m.tenant_id = $1 AND m.project_id = $2 AND m.user_id = $3
"""


async def grant(connection: Connection, tenant: str, project: str, user: str, at: datetime) -> asyncpg.Record | None:
    """Make the user a member."""
    return await _change(connection, GRANT, tenant, project, user, at)


async def revoke(connection: Connection, tenant: str, project: str, user: str, at: datetime) -> asyncpg.Record | None:
    """End the membership. None: there never was one."""
    return await _change(connection, REVOKE, tenant, project, user, at)


async def members(connection: Connection, tenant: str, project: str) -> list[asyncpg.Record]:
    """Everybody who is or was a member."""
    return list(
        await connection.fetch(f"{MEMBER} WHERE tenant_id = $1 AND project_id = $2 ORDER BY user_id", tenant, project)
    )


async def _change(
    connection: Connection, statement: str, tenant: str, project: str, user: str, at: datetime
) -> asyncpg.Record | None:
    if await connection.fetchval(statement, tenant, project, user, at):
        await connection.execute(HOLD_CLOCK, tenant)
        await connection.execute(TELL, tenant, project, user)
    return await connection.fetchrow(
        f"{MEMBER} WHERE tenant_id = $1 AND project_id = $2 AND user_id = $3", tenant, project, user
    )
