"""Presence events and replay anchors as an import writes them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from sync_api.db.session import Connection, Raced
from sync_api.engine import clock
from sync_api.imports.schemas import PresenceItem

# How long an imported edit counts as open unless it says otherwise: nobody was there to renew it.
OPEN_FOR = timedelta(days=30)

KNOWN = "SELECT id FROM sync.edit_session_event WHERE tenant_id = $1 AND id = ANY($2::uuid[])"

# Runs after the push's own statement, which has moved the clock on for these rows too and holds its lock.
PRESENCE = """
INSERT INTO sync.edit_session_event (tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type, entity_id,
  base_version, fields, received_at, expires_at)
SELECT $1, p.id, c.seq - $2 + p.ord, p.edit_id, p.event, p.user_id, p.device_id, p.entity_type, p.entity_id,
  p.base_version, string_to_array(p.fields, E'\\x1f'), p.received_at, p.expires_at
FROM sync.tenant_clock AS c, unnest($3::uuid[], $4::bigint[], $5::uuid[], $6::text[], $7::text[], $8::text[],
  $9::text[], $10::text[], $11::int[], $12::text[], $13::timestamptz[], $14::timestamptz[])
  AS p (id, ord, edit_id, event, user_id, device_id, entity_type, entity_id, base_version, fields, received_at,
    expires_at)
WHERE c.tenant_id = $1
ON CONFLICT DO NOTHING RETURNING 1
"""


async def known(connection: Connection, tenant: str, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the presence events that are there already."""
    return {row[0] for row in await connection.fetch(KNOWN, tenant, ids)}


async def write_presence(
    connection: Connection, tenant: str, length: int, events: Sequence[tuple[int, PresenceItem]]
) -> None:
    """Write presence events, each with its place in the transaction's stretch of the clock. Raced when one exists."""
    rows = [
        (
            e.id, ord_, e.edit_id, e.event, e.user_id, e.device_id, e.entity, e.entity_id, e.base_version,
            "\x1f".join(e.fields), clock.storable(e.received_at),
            clock.storable(e.expires_at or clock.storable(e.received_at) + OPEN_FOR),
        )
        for ord_, e in events
    ]  # fmt: skip
    columns = [list(column) for column in zip(*rows, strict=True)]
    if len(await connection.fetch(PRESENCE, tenant, length, *columns)) != len(rows):
        raise Raced


async def anchor(
    connection: Connection, tenant: str, digest: str, anchor_at: datetime, mapping: dict[str, Any]
) -> asyncpg.Record:
    """Store the anchor unless there is one; answers the one that is stored."""
    await connection.execute(
        """INSERT INTO sync.replay_anchor (tenant_id, source_digest, anchor_at, mapping) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING""",
        tenant, digest, anchor_at, json.dumps(mapping),
    )  # fmt: skip
    row = await connection.fetchrow(
        "SELECT anchor_at, mapping::text FROM sync.replay_anchor WHERE tenant_id = $1 AND source_digest = $2",
        tenant, digest,
    )  # fmt: skip
    assert row is not None
    return row
