"""A page of the feed as one function: a reader asks once, where a transaction of its own would ask three times.

It runs as its caller, under row-level security, and sets the tenant for the one transaction that it is called in.

A record stands in the feed once, at the seq of its last write. Whoever gains or loses access to it finds it a second
time, at the seq of that (`sync.access_change`); what such a row says is decided by what holds now, so that the last
one to be read is always right. Everything is filtered before LIMIT, and all of it is read in one snapshot: the clock is
the last thing that a writer takes before it commits, so that no seq below `head` can still come.

Each change is put into words where its row is found: keeping the rows of a page for a second look costs a third as
much as building the page. So that a page can never be larger than memory, a record over `largest` bytes has no words;
`told` is then short of `found`.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# One row more than `most` is looked up: whether there is more is known.
FEED_PAGE = """
CREATE FUNCTION sync.feed_page(
  tenant text, reader text, since bigint, entities text[], most bigint, largest bigint,
  OUT epoch uuid, OUT head bigint, OUT horizon bigint, OUT number_found bigint, OUT number_told bigint,
  OUT last_seq bigint, OUT changes bytea)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  WITH mine AS MATERIALIZED (
    SELECT array_agg(m.project_id) AS projects FROM sync.project_member AS m
    WHERE m.tenant_id = tenant AND m.user_id = reader AND m.revoked_at IS NULL
  ), feed AS (
    (SELECT r.seq, '{"seq":' || r.seq || ',"entity":"' || r.entity_type || '","server_id":'
       || to_json(r.entity_id)::text || {state} || '}' AS change
     FROM sync.record AS r
     WHERE r.tenant_id = tenant AND r.seq > since AND (entities IS NULL OR r.entity_type = ANY (entities))
       AND (r.project_id IS NULL OR r.project_id = ANY ((SELECT projects FROM mine)::text[]))
     ORDER BY r.seq LIMIT most + 1)
    UNION ALL
    (SELECT a.seq, '{"seq":' || a.seq || ',"entity":"' || a.entity_type || '","server_id":'
       || to_json(a.entity_id)::text
       || CASE WHEN r.is_visible THEN {state} ELSE ',"op":"remove","version":null,"data":null,"by_device":null' END
       || '}'
     FROM sync.access_change AS a
     CROSS JOIN LATERAL (
       SELECT r.*, (r.project_id IS NULL OR r.project_id = ANY ((SELECT projects FROM mine)::text[])) IS TRUE
         AS is_visible
       FROM sync.record AS r
       WHERE r.tenant_id = tenant AND r.entity_type = a.entity_type AND r.entity_id = a.entity_id OFFSET 0
     ) AS r
     WHERE a.tenant_id = tenant AND a.seq > since AND (entities IS NULL OR a.entity_type = ANY (entities))
       AND (a.user_id = reader OR (a.user_id = '' AND (a.project_id = '' OR EXISTS (
         SELECT FROM sync.project_member AS m
         WHERE m.tenant_id = tenant AND m.user_id = reader AND m.project_id = a.project_id
           AND (m.revoked_at IS NULL OR m.seq > a.seq)))))
       AND (NOT r.is_visible OR (a.user_id = reader AND r.seq < a.seq))
     ORDER BY a.seq LIMIT most + 1)
    ORDER BY seq LIMIT most + 1
  )
  SELECT t.epoch, c.seq, c.tombstone_horizon_seq, page.*
  INTO epoch, head, horizon, number_found, number_told, last_seq, changes
  FROM sync.tenant AS t JOIN sync.tenant_clock AS c USING (tenant_id), (
    SELECT count(*), count(f.change), max(f.seq), convert_to(string_agg(f.change, ','), 'UTF8') FROM feed AS f
  ) AS page
  WHERE t.tenant_id = tenant;
END $$
"""

# The record `r` as it is: null where it is too large.
STATE = """
CASE
  WHEN r.deleted_at IS NOT NULL THEN ',"op":"delete","version":' || r.version || ',"data":null'
  WHEN pg_column_size(r.data) <= largest THEN ',"op":"upsert","version":' || r.version || ',"data":' || r.data::text
END || ',"by_device":' || coalesce(to_json(r.updated_device)::text, 'null')"""


def upgrade() -> None:
    # as it is: in `op.execute` the colons of JSON would be parameters
    op.get_bind().exec_driver_sql(FEED_PAGE.replace("{state}", STATE))
    op.execute("REVOKE EXECUTE ON FUNCTION sync.feed_page(text, text, bigint, text[], bigint, bigint) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION sync.feed_page(text, text, bigint, text[], bigint, bigint) TO foresync_api")


def downgrade() -> None:
    op.execute("DROP FUNCTION sync.feed_page(text, text, bigint, text[], bigint, bigint)")
