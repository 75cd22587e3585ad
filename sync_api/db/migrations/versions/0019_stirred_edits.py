"""Find the edits that others have stirred at a cost of what has happened, whoever listens.

Joined as sets, every record that moved was tried with every user who listens, which took minutes where many do. The
fences (OFFSET 0) and the users as keys of an object hold the way from the records to the edits, whatever the planner
believes of tables that have grown since.
"""

from importlib import import_module

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BEFORE = import_module("sync_api.db.migrations.versions.0017_warnings")
STIRRED = """
CREATE FUNCTION sync.stream_stirred_edits(
  tenants text[], after bigint[], listening jsonb[], most integer)
RETURNS TABLE (
  tenant text, seq bigint, edit_id uuid, event text, user_id text, device_id text, entity_type text, entity_id text,
  base_version integer, fields text[], received_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
  SELECT DISTINCT ON (k.tenant, s.edit_id) k.tenant, t.seq, s.edit_id, s.event, s.user_id, s.device_id,
    s.entity_type, s.entity_id, s.base_version, s.fields, s.received_at, s.expires_at
  FROM unnest(tenants, after, listening) AS k (tenant, after, users)
  CROSS JOIN LATERAL (
    SELECT r.entity_type, r.entity_id, r.updated_by AS user_id, r.seq FROM sync.record AS r
    WHERE r.tenant_id = k.tenant AND r.seq > k.after
    UNION ALL
    SELECT c.entity_type, c.entity_id, c.user_id, c.changed_seq FROM sync.conflict_resolution AS c
    WHERE c.tenant_id = k.tenant AND c.changed_seq > k.after AND c.status = 'open'
    UNION ALL
    SELECT e.entity_type, e.entity_id, e.user_id, e.seq FROM sync.edit_session_event AS e
    WHERE e.tenant_id = k.tenant AND e.seq > k.after AND e.event IN ('opened', 'fields')
  ) AS t
  CROSS JOIN LATERAL (
    SELECT e.* FROM sync.edit_session_event AS e
    WHERE e.tenant_id = k.tenant AND e.entity_type = t.entity_type AND e.entity_id = t.entity_id
      AND e.expires_at > now() AND e.event <> 'closed' AND e.user_id <> t.user_id AND k.users ? e.user_id
      AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                      WHERE newer.tenant_id = k.tenant AND newer.edit_id = e.edit_id AND newer.seq > e.seq OFFSET 0)
      AND EXISTS (SELECT FROM sync.edit_session_event AS earlier
                  WHERE earlier.tenant_id = k.tenant AND earlier.edit_id = e.edit_id AND earlier.seq < t.seq OFFSET 0)
      AND NOT EXISTS (SELECT FROM sync.edit_warning AS w
                      WHERE w.tenant_id = k.tenant AND w.edit_id = e.edit_id OFFSET 0)
      AND coalesce((
        SELECT r.project_id IS NULL OR EXISTS (
          SELECT FROM sync.project_member AS m
          WHERE m.tenant_id = k.tenant AND m.project_id = r.project_id AND m.user_id = e.user_id
            AND m.revoked_at IS NULL)
        FROM sync.record AS r
        WHERE r.tenant_id = k.tenant AND r.entity_type = e.entity_type AND r.entity_id = e.entity_id), true)
    OFFSET 0
  ) AS s
  ORDER BY k.tenant, s.edit_id, t.seq DESC LIMIT most
$$
"""
FORMER = "sync.stream_stirred_edits(text[], bigint[], integer[], text[], integer)"
SIGNATURE = "sync.stream_stirred_edits(text[], bigint[], jsonb[], integer)"


def upgrade() -> None:
    op.execute(f"DROP FUNCTION {FORMER}")
    _create(STIRRED, SIGNATURE)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    _create(BEFORE.STIRRED, FORMER)


def _create(function: str, signature: str) -> None:
    op.execute(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO foresync_api")
