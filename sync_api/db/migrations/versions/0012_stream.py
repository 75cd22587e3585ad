"""What the streams ask, for all the tenants that anybody on a server listens to at once.

Two functions that look across tenants, so that a tick costs one round trip however many there are. They run as the
owner of the schema, who bypasses policies (it must, to make the role that reads everything), and tell no content.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The feed's newest place is looked up only where the clock has moved: two index entries.
STREAM_HEADS = """
CREATE FUNCTION sync.stream_heads(tenants text[], told bigint[])
RETURNS TABLE (tenant text, epoch uuid, head bigint, horizon bigint, feed bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.tenant, t.epoch, c.seq, c.tombstone_horizon_seq, CASE WHEN c.seq > k.told THEN greatest(0,
    (SELECT max(r.seq) FROM sync.record AS r WHERE r.tenant_id = k.tenant),
    (SELECT max(a.seq) FROM sync.access_change AS a WHERE a.tenant_id = k.tenant)) ELSE 0 END
  FROM unnest(tenants, told) AS k (tenant, told)
  JOIN sync.tenant AS t ON t.tenant_id = k.tenant
  JOIN sync.tenant_clock AS c ON c.tenant_id = k.tenant
$$
"""

# Those that a person had to settle, or has to, while the person may see the record.
STREAM_CONFLICTS = """
CREATE FUNCTION sync.stream_conflicts(tenants text[], after bigint[], until bigint[], most integer)
RETURNS TABLE (
  tenant text, user_id text, changed_seq bigint, conflict_id uuid, entity_type text, entity_id text, status text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.tenant, f.* FROM unnest(tenants, after, until) AS k (tenant, after, until)
  CROSS JOIN LATERAL (
    SELECT c.user_id, c.changed_seq, c.conflict_id, c.entity_type, c.entity_id, c.status
    FROM sync.conflict_resolution AS c
    LEFT JOIN sync.record AS r
      ON r.tenant_id = k.tenant AND r.entity_type = c.entity_type AND r.entity_id = c.entity_id
    WHERE c.tenant_id = k.tenant AND c.changed_seq > k.after AND c.changed_seq <= k.until AND NOT c.is_auto_resolved
      AND (r.project_id IS NULL OR EXISTS (
        SELECT FROM sync.project_member AS m
        WHERE m.tenant_id = k.tenant AND m.project_id = r.project_id AND m.user_id = c.user_id
          AND m.revoked_at IS NULL))
    ORDER BY c.changed_seq LIMIT most
  ) AS f
  ORDER BY k.tenant, f.changed_seq
$$
"""

FUNCTIONS = ("sync.stream_heads(text[], bigint[])", "sync.stream_conflicts(text[], bigint[], bigint[], integer)")


def upgrade() -> None:
    for definition in (STREAM_HEADS, STREAM_CONFLICTS):
        op.execute(definition)
    for function in FUNCTIONS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO foresync_api")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
