"""Presence events as they are kept: appended in the order of the tenant's clock, never changed."""

from dataclasses import astuple
from typing import NamedTuple
from uuid import UUID

from sync_api.db.session import Connection
from sync_api.edits.presence import Edit

# Taken before anything is read: whoever holds it knows that no other event of the tenant is on its way.
CLOCK = """
UPDATE sync.tenant_clock AS k SET seq = k.seq + 1 FROM sync.tenant AS t
WHERE k.tenant_id = $1 AND t.tenant_id = $1 RETURNING k.seq, t.config_version
"""

NEWEST = """
SELECT edit_id, event, user_id, device_id, entity_type, entity_id, base_version, fields, received_at, expires_at
FROM sync.edit_session_event WHERE tenant_id = $1 AND edit_id = $2 ORDER BY seq DESC LIMIT 1
"""

# The project of the record itself, and of the record that an edit is of.
PROJECT = "SELECT project_id FROM sync.record WHERE tenant_id = $1 AND entity_type = $2 AND entity_id = $3"

PROJECT_OF_EDIT = """
SELECT r.project_id FROM sync.edit_session_event AS e
JOIN sync.record AS r ON r.tenant_id = $1 AND r.entity_type = e.entity_type AND r.entity_id = e.entity_id
WHERE e.tenant_id = $1 AND e.edit_id = $2 LIMIT 1
"""

ADD = """
INSERT INTO sync.edit_session_event (tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type, entity_id,
  base_version, fields, received_at, expires_at)
VALUES ($1, uuidv7(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""


class Tick(NamedTuple):
    """A place in the tenant's order, and the number of its configuration."""

    seq: int
    config_version: int


async def tick(connection: Connection, tenant: str) -> Tick | None:
    """Move the clock on by one and hold it; None when there is no such tenant."""
    row = await connection.fetchrow(CLOCK, tenant)
    return Tick(*row) if row else None


async def newest(connection: Connection, tenant: str, edit_id: UUID) -> Edit | None:
    """The edit as of its newest event."""
    row = await connection.fetchrow(NEWEST, tenant, edit_id)
    return Edit(**{**row, "fields": tuple(row["fields"])}) if row else None


async def project(connection: Connection, tenant: str, entity: str, entity_id: str) -> str | None:
    """The project of a record; None: it has none, or there is no such record."""
    found: str | None = await connection.fetchval(PROJECT, tenant, entity, entity_id)
    return found


async def project_of_edit(connection: Connection, tenant: str, edit_id: UUID) -> str | None:
    """The project of the record that is being edited."""
    found: str | None = await connection.fetchval(PROJECT_OF_EDIT, tenant, edit_id)
    return found


async def owner(connection: Connection, tenant: str, device: str) -> str | None:
    """Whose device it is; None when nobody has been seen with it."""
    found: str | None = await connection.fetchval(
        "SELECT user_id FROM sync.device WHERE tenant_id = $1 AND device_id = $2", tenant, device
    )
    return found


async def add(connection: Connection, tenant: str, seq: int, edit: Edit) -> None:
    """Append the edit's newest event."""
    await connection.execute(ADD, tenant, seq, *astuple(edit))
