"""Roles, row-level security and grants: who may see and change what.

Roles belong to the cluster, not to the database: they are made when missing and left alone when there, also when
another database of the same cluster is migrating at this moment.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PLAIN = ("foresync_api", "foresync_serving", "foresync_publish")
READS_EVERYTHING = "foresync_ingest"

TABLES = (
    "tenant", "tenant_clock", "project_member", "device", "tenant_entity_type", "tenant_conflict_policy",
    "user_activity", "replay_anchor", "record", "applied_change", "sync_request", "sync_log", "conflict_resolution",
    "conflict_resolution_log", "edit_session_event", "prediction_log", "sync_analytics_snapshot", "sync_device_health",
    "outbox", "webhook_endpoint", "webhook_delivery",
)  # fmt: skip

# Append-only tables have no UPDATE, and nothing but what is purged or unsubscribed has DELETE.
API_GRANTS = {
    "SELECT": ("tenant", "sync_analytics_snapshot", "sync_device_health"),
    "SELECT, INSERT": ("sync_log", "sync_request", "conflict_resolution_log", "edit_session_event", "replay_anchor",
                       "tenant_conflict_policy"),
    "SELECT, UPDATE": ("tenant_clock",),
    "SELECT, INSERT, UPDATE": ("project_member", "device", "tenant_entity_type", "user_activity", "record",
                               "conflict_resolution"),
    "SELECT, INSERT, DELETE": ("applied_change",),
    "SELECT, INSERT, UPDATE, DELETE": ("outbox", "webhook_endpoint", "webhook_delivery"),
}  # fmt: skip

ROLE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
    CREATE ROLE {name} LOGIN {attributes};
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

# plpgsql, because SQL cannot raise. STABLE: the planner asks it already, so an unset tenant raises on an empty
# table too, and 0 rows never pass for "nothing there".
CURRENT_TENANT = """
CREATE FUNCTION sync.current_tenant() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
  tenant text := current_setting('foresync.tenant', true);
BEGIN
  IF tenant IS NULL OR tenant = '' THEN
    RAISE EXCEPTION 'foresync.tenant is not set' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN tenant;
END $$
"""


def upgrade() -> None:
    for name in PLAIN:
        op.execute(ROLE.format(name=name, attributes="NOBYPASSRLS"))
    op.execute(ROLE.format(name=READS_EVERYTHING, attributes="BYPASSRLS"))
    op.execute(CURRENT_TENANT)
    for table in TABLES:
        op.execute(f"ALTER TABLE sync.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE sync.{table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant_isolation ON sync.{table} "
            "USING (tenant_id = sync.current_tenant()) WITH CHECK (tenant_id = sync.current_tenant())"
        )
    op.execute("REVOKE EXECUTE ON FUNCTION sync.current_tenant() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION sync.current_tenant() TO foresync_api, foresync_serving, foresync_ingest")
    op.execute(f"GRANT USAGE ON SCHEMA sync TO {', '.join(PLAIN)}, {READS_EVERYTHING}")
    for privileges, tables in API_GRANTS.items():
        op.execute(f"GRANT {privileges} ON {', '.join(f'sync.{t}' for t in tables)} TO foresync_api")
    op.execute("GRANT UPDATE (config_version) ON sync.tenant TO foresync_api")
    op.execute(
        "GRANT SELECT, UPDATE (event_received_at, event_id, outcome, outcome_at) ON sync.prediction_log TO foresync_api"
    )
    # ON CONFLICT (tenant_id, prediction_id) reads the columns that it names
    op.execute("GRANT INSERT, SELECT (tenant_id, prediction_id) ON sync.prediction_log TO foresync_serving")
    op.execute(f"GRANT SELECT ON {', '.join(f'sync.{t}' for t in TABLES)} TO {READS_EVERYTHING}")
    # rows that are rewritten with every push leave room on their page, so that no index has to follow them
    for table in ("record", "user_activity", "device"):
        op.execute(f"ALTER TABLE sync.{table} SET (fillfactor = 85)")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP POLICY tenant_isolation ON sync.{table}")
        op.execute(f"ALTER TABLE sync.{table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE sync.{table} DISABLE ROW LEVEL SECURITY")
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA sync FROM {', '.join(PLAIN)}, {READS_EVERYTHING}")
    op.execute(f"REVOKE ALL ON SCHEMA sync FROM {', '.join(PLAIN)}, {READS_EVERYTHING}")
    op.execute("DROP FUNCTION sync.current_tenant()")
