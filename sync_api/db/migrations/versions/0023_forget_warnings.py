"""Retention of warnings: who was warned about an edit that is over, long ago."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# An edit that is still open keeps its warning, however old: that row is what makes it the only one.
FORGET_WARNINGS = """
CREATE FUNCTION sync.forget_warnings(tenant text, before timestamptz, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  DELETE FROM sync.edit_warning AS w WHERE w.tenant_id = tenant AND w.ctid = ANY (ARRAY(
    SELECT v.ctid FROM sync.edit_warning AS v
    WHERE v.tenant_id = tenant AND v.warned_at < before AND NOT EXISTS (
      SELECT FROM sync.edit_session_event AS e
      WHERE e.tenant_id = tenant AND e.edit_id = v.edit_id AND e.event <> 'closed' AND e.expires_at > now()
        AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                        WHERE newer.tenant_id = tenant AND newer.edit_id = e.edit_id AND newer.seq > e.seq))
    LIMIT most FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$
"""
SIGNATURE = "sync.forget_warnings(text, timestamptz, integer)"


def upgrade() -> None:
    op.execute(FORGET_WARNINGS)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO foresync_publish")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
