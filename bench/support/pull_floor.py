"""The floor under a pull: the same page as one text value that PostgreSQL builds, fetched over asyncpg.

As the role of the sync API, in a transaction of the tenant, by the same index. It asks nothing about projects,
access, deletions or whether there is more: what the API adds to this (HTTP, tokens, those questions) is what the
bench measures.
"""

import asyncpg

STATEMENT = """
SELECT max(seq), string_agg('{"seq":' || seq || ',"entity":"' || entity_type || '","server_id":'
  || to_json(entity_id)::text || ',"op":"upsert","version":' || version || ',"data":' || data::text || ',"by_device":'
  || coalesce(to_json(updated_device)::text, 'null') || '}', ',')
FROM (
  SELECT seq, entity_type, entity_id, version, data, updated_device FROM sync.record
  WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
) AS page
"""


async def prepare(connection: asyncpg.Connection) -> asyncpg.prepared_stmt.PreparedStatement:
    return await connection.prepare(STATEMENT)


async def page(
    connection: asyncpg.Connection,
    statement: asyncpg.prepared_stmt.PreparedStatement,
    tenant: str,
    since: int,
    limit: int,
) -> tuple[int | None, str | None]:
    """The last seq of the page and its changes; None twice where there is nothing more."""
    await connection.execute(f"BEGIN; SET LOCAL foresync.tenant = '{tenant}'")
    last, changes = await statement.fetchrow(tenant, since, limit)
    await connection.execute("COMMIT")
    return last, changes
