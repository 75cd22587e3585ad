"""One hash over everything that a user may see of an entity type: a client that comes to the same is equal.

What is hashed is the RFC 8785 JSON of [{"data": …, "id": …, "version": …}, …]: the records that are not deleted,
ordered by id by code point. It is read in pieces, so that it needs no more memory however many records there are.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

import orjson

from sync_api import canonical
from sync_api.db.session import Pool

AT_ONCE = 500

HEAD = """
SELECT t.epoch, c.seq, ARRAY(
  SELECT project_id FROM sync.project_member WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL
) AS projects
FROM sync.tenant AS t JOIN sync.tenant_clock AS c USING (tenant_id) WHERE t.tenant_id = $1
"""

RECORDS = """
SELECT entity_id, version, data::text FROM sync.record
WHERE tenant_id = $1 AND entity_type = $2 AND deleted_at IS NULL AND (project_id IS NULL OR project_id = ANY ($3))
ORDER BY entity_id COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class Digest:
    """count records hash to sha256 (hex) as of the feed's position `seq`."""

    count: int
    sha256: str
    seq: int
    epoch: UUID


async def digest(pool: Pool, tenant: str, user: str, entity: str) -> Digest | None:
    """The digest as of this moment; None: there is no such tenant."""
    async with pool.held() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SELECT set_config('foresync.tenant', $1, true)", tenant)
        head = await connection.fetchrow(HEAD, tenant, user)
        if head is None:
            return None
        records = await connection.cursor(RECORDS, tenant, entity, head["projects"])
        hashed = hashlib.sha256(b"[")
        count = 0
        while rows := await records.fetch(AT_ONCE):
            items = b",".join(_item(*row) for row in rows)
            hashed.update(b"," + items if count else items)
            count += len(rows)
        hashed.update(b"]")
        return Digest(count, hashed.hexdigest(), head["seq"], head["epoch"])


def _item(entity_id: str, version: int, data: str) -> bytes:
    return canonical.encode({"data": orjson.loads(data), "id": entity_id, "version": version})
