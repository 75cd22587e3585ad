"""Warnings about open edits: what has been told to whom, once for an edit, and how it is found out that one is due.

Like the other questions of the streams, both functions look across tenants in one round trip and run as the owner of
the schema, who bypasses policies.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

POLICY = """
CREATE POLICY tenant_isolation ON sync.edit_warning
USING (tenant_id = sync.current_tenant()) WITH CHECK (tenant_id = current_setting('foresync.tenant', true))
"""

# Open edits of those who listen, on whose record somebody else has pushed or announced something after a place in the
# order. There is no other bound: a record that is pushed to all the time would have moved beyond it at every look. A
# heartbeat announces nothing. From the records that moved to the edits: a look costs by what has happened.
STIRRED = """
CREATE FUNCTION sync.stream_stirred_edits(
  tenants text[], after bigint[], listening integer[], users text[], most integer)
RETURNS TABLE (
  tenant text, seq bigint, edit_id uuid, event text, user_id text, device_id text, entity_type text, entity_id text,
  base_version integer, fields text[], received_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
  SELECT DISTINCT ON (k.tenant, s.edit_id) k.tenant, t.seq, s.edit_id, s.event, s.user_id, s.device_id,
    s.entity_type, s.entity_id, s.base_version, s.fields, s.received_at, s.expires_at
  FROM unnest(tenants, after) WITH ORDINALITY AS k (tenant, after, look)
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
    LEFT JOIN sync.record AS r
      ON r.tenant_id = k.tenant AND r.entity_type = e.entity_type AND r.entity_id = e.entity_id
    WHERE e.tenant_id = k.tenant AND e.entity_type = t.entity_type AND e.entity_id = t.entity_id
      AND e.expires_at > now() AND e.event <> 'closed' AND e.user_id <> t.user_id
      AND (k.look, e.user_id) IN (SELECT l.look, l.user_id FROM unnest(listening, users) AS l (look, user_id))
      AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                      WHERE newer.tenant_id = k.tenant AND newer.edit_id = e.edit_id AND newer.seq > e.seq)
      AND EXISTS (SELECT FROM sync.edit_session_event AS earlier
                  WHERE earlier.tenant_id = k.tenant AND earlier.edit_id = e.edit_id AND earlier.seq < t.seq)
      AND NOT EXISTS (SELECT FROM sync.edit_warning AS w WHERE w.tenant_id = k.tenant AND w.edit_id = e.edit_id)
      AND (r.project_id IS NULL OR EXISTS (
        SELECT FROM sync.project_member AS m
        WHERE m.tenant_id = k.tenant AND m.project_id = r.project_id AND m.user_id = e.user_id
          AND m.revoked_at IS NULL))
    OFFSET 0
  ) AS s
  ORDER BY k.tenant, s.edit_id, t.seq DESC LIMIT most
$$
"""

# While the edit is open and its owner may see the record.
WARNINGS = """
CREATE FUNCTION sync.stream_warnings(tenants text[], after bigint[], until bigint[], most integer)
RETURNS TABLE (
  tenant text, user_id text, seq bigint, edit_id uuid, entity_type text, entity_id text,
  conflict_probability double precision, threshold double precision, warning_message text, prediction_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.tenant, f.* FROM unnest(tenants, after, until) AS k (tenant, after, until)
  CROSS JOIN LATERAL (
    SELECT w.user_id, w.seq, w.edit_id, w.entity_type, w.entity_id, w.conflict_probability, w.threshold,
      w.warning_message, w.prediction_id
    FROM sync.edit_warning AS w
    CROSS JOIN LATERAL (
      SELECT e.event, e.expires_at FROM sync.edit_session_event AS e
      WHERE e.tenant_id = k.tenant AND e.edit_id = w.edit_id ORDER BY e.seq DESC LIMIT 1
    ) AS e
    LEFT JOIN sync.record AS r
      ON r.tenant_id = k.tenant AND r.entity_type = w.entity_type AND r.entity_id = w.entity_id
    WHERE w.tenant_id = k.tenant AND w.seq > k.after AND w.seq <= k.until
      AND e.event <> 'closed' AND e.expires_at > now()
      AND (r.project_id IS NULL OR EXISTS (
        SELECT FROM sync.project_member AS m
        WHERE m.tenant_id = k.tenant AND m.project_id = r.project_id AND m.user_id = w.user_id
          AND m.revoked_at IS NULL))
    ORDER BY w.seq LIMIT most
  ) AS f
  ORDER BY k.tenant, f.seq
$$
"""

FUNCTIONS = (
    "sync.stream_stirred_edits(text[], bigint[], integer[], text[], integer)",
    "sync.stream_warnings(text[], bigint[], bigint[], integer)",
)


def upgrade() -> None:
    op.create_table(
        "edit_warning",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("edit_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("conflict_probability", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("warning_message", sa.Text(), nullable=True),
        sa.Column("prediction_id", sa.Uuid(), nullable=True),
        sa.Column("warned_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "edit_id", name=op.f("pk_edit_warning")),
        schema="sync",
    )
    op.create_index("ix_edit_warning_seq", "edit_warning", ["tenant_id", "seq"], schema="sync")
    op.create_index("ix_edit_session_event_seq", "edit_session_event", ["tenant_id", "seq"], schema="sync")
    op.execute("ALTER TABLE sync.edit_warning ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE sync.edit_warning FORCE ROW LEVEL SECURITY")
    op.execute(POLICY)
    op.execute("GRANT SELECT, INSERT ON sync.edit_warning TO foresync_api")
    op.execute("GRANT SELECT ON sync.edit_warning TO foresync_ingest")
    for definition in (STIRRED, WARNINGS):
        op.execute(definition)
    for function in FUNCTIONS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO foresync_api")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.drop_index("ix_edit_session_event_seq", "edit_session_event", schema="sync")
    op.drop_table("edit_warning", schema="sync")
