"""The statement behind a page of the feed. No HTTP, and no JSON is parsed on the way: PostgreSQL builds the text.

A record stands in the feed once, at the seq of its last write. Whoever gains or loses access to it finds it a second
time, at the seq of that (`sync.access_change`); what such a row says is decided by what holds now, so that the last
one to be read is always right. Everything is filtered before LIMIT, and all of it is read in one snapshot: the clock is
the last thing that a writer takes before it commits, so that no seq below `head` can still come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sync_api.db.session import Connection

LARGEST_PAGE_BYTES = 32 * 1024 * 1024

# $1 tenant, $2 user, $3 since, $4 entity types or null, $5 limit. One row more than the limit is looked up: whether
# there is more is known, not guessed.
PAGE = f"""
WITH mine AS MATERIALIZED (
  SELECT array_agg(project_id) AS projects FROM sync.project_member
  WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL
), page AS MATERIALIZED (
  SELECT * FROM (
    (SELECT r.seq, r.entity_type, r.entity_id, r.version, r.deleted_at IS NULL AS is_alive, r.data, r.updated_device,
       true AS is_visible
     FROM sync.record AS r
     WHERE r.tenant_id = $1 AND r.seq > $3 AND ($4::text[] IS NULL OR r.entity_type = ANY ($4))
       AND (r.project_id IS NULL OR r.project_id = ANY ((SELECT projects FROM mine)::text[]))
     ORDER BY r.seq LIMIT $5 + 1)
    UNION ALL
    (SELECT a.seq, a.entity_type, a.entity_id, r.version, r.deleted_at IS NULL, r.data, r.updated_device, r.is_visible
     FROM sync.access_change AS a
     CROSS JOIN LATERAL (
       SELECT r.*, (r.project_id IS NULL OR r.project_id = ANY ((SELECT projects FROM mine)::text[])) IS TRUE
         AS is_visible
       FROM sync.record AS r
       WHERE r.tenant_id = $1 AND r.entity_type = a.entity_type AND r.entity_id = a.entity_id OFFSET 0
     ) AS r
     WHERE a.tenant_id = $1 AND a.seq > $3 AND ($4::text[] IS NULL OR a.entity_type = ANY ($4))
       AND (a.user_id = $2 OR (a.user_id = '' AND (a.project_id = '' OR EXISTS (
         SELECT FROM sync.project_member AS m
         WHERE m.tenant_id = $1 AND m.user_id = $2 AND m.project_id = a.project_id
           AND (m.revoked_at IS NULL OR m.seq > a.seq)))))
       AND (NOT r.is_visible OR (a.user_id = $2 AND r.seq < a.seq))
     ORDER BY a.seq LIMIT $5 + 1)
  ) AS both_kinds ORDER BY seq LIMIT $5 + 1
), edge AS MATERIALIZED (
  SELECT count(*) > $5 AS has_more, max(seq) AS beyond,
    count(*) <= 2 OR sum(pg_column_size(data)) <= {LARGEST_PAGE_BYTES} AS fits
  FROM page
)
SELECT t.epoch, c.seq AS head, c.tombstone_horizon_seq AS horizon, edge.has_more, edge.fits, body.last, body.changes
FROM sync.tenant AS t JOIN sync.tenant_clock AS c USING (tenant_id), edge, LATERAL (
  SELECT max(p.seq) AS last, convert_to(string_agg(
    '{{"seq":' || p.seq || ',"entity":"' || p.entity_type || '","server_id":' || to_json(p.entity_id)::text
    || CASE
      WHEN NOT p.is_visible THEN ',"op":"remove","version":null,"data":null,"by_device":null}}'
      ELSE CASE
        WHEN p.is_alive THEN ',"op":"upsert","version":' || p.version || ',"data":' || p.data::text
        ELSE ',"op":"delete","version":' || p.version || ',"data":null'
      END || ',"by_device":' || coalesce(to_json(p.updated_device)::text, 'null') || '}}'
    END, ','), 'UTF8') AS changes
  FROM page AS p WHERE edge.fits AND (NOT edge.has_more OR p.seq < edge.beyond)
) AS body
WHERE t.tenant_id = $1
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the feed. changes: JSON objects joined by commas. next: where the following page begins. head: the
    tenant's clock. fits: whether it was small enough to be built; else read again with a smaller limit."""

    epoch: UUID
    head: int
    horizon: int
    has_more: bool
    next: int
    changes: bytes
    fits: bool


async def page(
    connection: Connection, tenant: str, user: str, since: int, entities: Sequence[str] | None, limit: int
) -> Page | None:
    """Up to `limit` changes after `since` that `user` may see, in commit order; None: there is no such tenant."""
    row = await connection.fetchrow(PAGE, tenant, user, since, entities, limit)
    if row is None:
        return None
    following = row["last"] if row["has_more"] else row["head"]
    changes = row["changes"] or b""
    return Page(row["epoch"], row["head"], row["horizon"], row["has_more"], following, changes, row["fits"])
