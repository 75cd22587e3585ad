"""What streams ask of PostgreSQL: where tenants stand, and which conflicts have changed.

One set-based statement a tick for all tenants that anybody listens to, through functions that look across tenants.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg

from sync_api.db.session import Connection
from sync_api.stream import events
from sync_api.stream.listener import Head, News

AT_ONCE = 1000  # news of one tenant in one statement

# The same for one tenant, when somebody begins to listen: through its own policies.
ONE_HEAD = """
SELECT t.tenant_id, t.epoch, c.seq, c.tombstone_horizon_seq, greatest(0,
  (SELECT max(seq) FROM sync.record WHERE tenant_id = $1),
  (SELECT max(seq) FROM sync.access_change WHERE tenant_id = $1))
FROM sync.tenant AS t JOIN sync.tenant_clock AS c USING (tenant_id) WHERE t.tenant_id = $1
"""

MISSED = """
SELECT c.tenant_id, c.user_id, c.changed_seq, c.conflict_id, c.entity_type, c.entity_id, c.status
FROM sync.conflict_resolution AS c
LEFT JOIN sync.record AS r ON r.tenant_id = $1 AND r.entity_type = c.entity_type AND r.entity_id = c.entity_id
WHERE c.tenant_id = $1 AND c.user_id = $2 AND c.changed_seq > $3 AND c.changed_seq <= $4 AND NOT c.is_auto_resolved
  AND (r.project_id IS NULL OR EXISTS (
    SELECT FROM sync.project_member AS m
    WHERE m.tenant_id = $1 AND m.project_id = r.project_id AND m.user_id = $2 AND m.revoked_at IS NULL))
ORDER BY c.changed_seq LIMIT $5
"""


async def head(connection: Connection, tenant: str) -> Head | None:
    """Where the transaction's tenant stands; None: there is no such tenant."""
    row = await connection.fetchrow(ONE_HEAD, tenant)
    return Head(*row) if row else None


async def missed(connection: Connection, tenant: str, user: str, since: int, until: int, limit: int) -> list[News]:
    """The user's conflicts that changed after `since`, oldest first, at most `limit`."""
    return _news(await connection.fetch(MISSED, tenant, user, since, until, limit))


async def heads(connection: Connection, told: Mapping[str, int]) -> list[Head]:
    """Where these tenants stand. told: tenant → the position up to which everybody has been told; `feed` is 0 where
    the tenant has not moved since."""
    rows = await connection.fetch("SELECT * FROM sync.stream_heads($1, $2)", list(told), list(told.values()))
    return [Head(*row) for row in rows]


async def conflicts(connection: Connection, moved: Mapping[str, tuple[int, int]]) -> list[News]:
    """Every change of a conflict that somebody has to see. moved: tenant → (after, until)."""
    return await through(connection, "SELECT * FROM sync.stream_conflicts($1, $2, $3, $4)", moved, _news)


async def through(
    connection: Connection,
    statement: str,
    moved: Mapping[str, tuple[int, int]],
    read: Callable[[Sequence[asyncpg.Record]], list[News]],
) -> list[News]:
    """All that `statement` finds, however much it is. moved: tenant → (after, until)."""
    found: list[News] = []
    left = dict(moved)
    while left:
        after, until = zip(*left.values(), strict=True)
        news = read(await connection.fetch(statement, list(left), after, until, AT_ONCE))
        found += news
        left = {
            tenant: (seqs[-1], left[tenant][1])
            for tenant in left
            if len(seqs := [one.seq for one in news if one.tenant == tenant]) == AT_ONCE
        }
    return found


def _news(rows: Sequence["asyncpg.Record | tuple[Any, ...]"]) -> list[News]:
    return [
        News(tenant, user, seq, events.conflict(str(conflict_id), entity, entity_id, status))
        for tenant, user, seq, conflict_id, entity, entity_id, status in rows
    ]
