"""Retention: how far back the feed reaches, and what is let go of below that.

A horizon is a place in the tenant's order, a retention is a time. What leads from one to the other are marks, "at this
moment the clock had come so far", made by whoever asks for the horizon to be moved: times that stand in rows may be an
import's own. So a horizon moves for the first time when the oldest mark is old enough.

Each function is one short transaction over a bounded number of rows, waits for no row that somebody else has locked,
and never holds a row and the clock together: it can neither deadlock with a push nor hold one up for long. They run as
the owner of the schema, for the role that publishes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

POLICY = """
CREATE POLICY tenant_isolation ON sync.clock_mark
USING (tenant_id = sync.current_tenant()) WITH CHECK (tenant_id = current_setting('foresync.tenant', true))
"""

# The clock is read before the time is: whoever has read the feed since that time has read at least so far.
ADVANCE_HORIZON = """
CREATE FUNCTION sync.advance_horizon(tenant text, before timestamptz, OUT former bigint, OUT horizon bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
DECLARE
  old_enough timestamptz;
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  INSERT INTO sync.clock_mark (tenant_id, seq, marked_at)
  SELECT c.tenant_id, c.seq, clock_timestamp() FROM sync.tenant_clock AS c WHERE c.tenant_id = tenant
  ON CONFLICT DO NOTHING;
  SELECT m.seq, m.marked_at INTO horizon, old_enough FROM sync.clock_mark AS m
  WHERE m.tenant_id = tenant AND m.marked_at <= before ORDER BY m.seq DESC LIMIT 1;
  DELETE FROM sync.clock_mark AS m WHERE m.tenant_id = tenant AND m.marked_at < old_enough;
  SELECT c.tombstone_horizon_seq, greatest(horizon, c.tombstone_horizon_seq) INTO former, horizon
  FROM sync.tenant_clock AS c WHERE c.tenant_id = tenant;
  UPDATE sync.tenant_clock AS c SET tombstone_horizon_seq = horizon
  WHERE c.tenant_id = tenant AND c.tombstone_horizon_seq < horizon;
END $$
"""

# That a record was deleted, by whom and at which version: what a change that comes late is judged by. Its project says
# who is told, its counters go on. What somebody has still to decide is kept whole.
EMPTY_TOMBSTONES = """
CREATE FUNCTION sync.empty_tombstones(
  tenant text, after_seq bigint, most integer, OUT emptied bigint, OUT reached bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  WITH looked AS MATERIALIZED (
    SELECT r.ctid AS place, r.seq FROM sync.record AS r
    WHERE r.tenant_id = tenant AND r.deleted_at IS NOT NULL AND r.seq > after_seq
      AND r.seq <= (SELECT c.tombstone_horizon_seq FROM sync.tenant_clock AS c WHERE c.tenant_id = tenant)
    ORDER BY r.seq LIMIT most FOR NO KEY UPDATE SKIP LOCKED
  ), done AS (
    UPDATE sync.record AS r SET data = '{}', last_events = '{}',
      field_versions = CASE WHEN r.field_versions ? '_deleted'
        THEN jsonb_build_object('_deleted', r.field_versions -> '_deleted') ELSE '{}' END
    FROM looked
    WHERE r.ctid = looked.place AND r.tenant_id = tenant
      AND (r.data <> '{}' OR r.field_versions - '_deleted' <> '{}')
      AND NOT EXISTS (
        SELECT FROM sync.conflict_resolution AS c
        WHERE c.tenant_id = tenant AND c.entity_type = r.entity_type AND c.entity_id = r.entity_id
          AND c.status = 'open')
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM done), CASE WHEN count(*) = most THEN max(seq) END INTO emptied, reached FROM looked;
END $$
"""

# Who reads from the horizon on, or from 0, finds what they may see at the records themselves.
FORGET_ACCESS_CHANGES = """
CREATE FUNCTION sync.forget_access_changes(tenant text, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  DELETE FROM sync.access_change AS a WHERE a.tenant_id = tenant AND a.ctid = ANY (ARRAY(
    SELECT b.ctid FROM sync.access_change AS b
    WHERE b.tenant_id = tenant
      AND b.seq <= (SELECT c.tombstone_horizon_seq FROM sync.tenant_clock AS c WHERE c.tenant_id = tenant)
    ORDER BY b.seq LIMIT most FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$
"""

# All tenants at once: the index by time knows of no tenants. When an answer was stored is no import's to say.
FORGET_ANSWERS = """
CREATE FUNCTION sync.forget_answers(before timestamptz, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM sync.applied_change AS a WHERE a.ctid = ANY (ARRAY(
    SELECT b.ctid FROM sync.applied_change AS b WHERE b.created_at < before LIMIT most FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$
"""

FUNCTIONS = (
    "sync.advance_horizon(text, timestamptz)",
    "sync.empty_tombstones(text, bigint, integer)",
    "sync.forget_access_changes(text, integer)",
    "sync.forget_answers(timestamptz, integer)",
)


def upgrade() -> None:
    op.create_table(
        "clock_mark",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("marked_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq", name=op.f("pk_clock_mark")),
        schema="sync",
    )
    op.execute("ALTER TABLE sync.clock_mark ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE sync.clock_mark FORCE ROW LEVEL SECURITY")
    op.execute(POLICY)
    op.execute("GRANT SELECT ON sync.clock_mark TO foresync_ingest")
    op.create_index(
        "ix_record_tombstone",
        "record",
        ["tenant_id", "seq"],
        schema="sync",
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    for definition in (ADVANCE_HORIZON, EMPTY_TOMBSTONES, FORGET_ACCESS_CHANGES, FORGET_ANSWERS):
        op.execute(definition)
    for function in FUNCTIONS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO foresync_publish")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.drop_index("ix_record_tombstone", "record", schema="sync")
    op.drop_table("clock_mark", schema="sync")
