"""Month partitions, the current view of presence, and the doors through which other rooms write.

Under FORCE row-level security a SECURITY DEFINER function sees rows only if its owner bypasses policies or the
tenant is set. Ours set the tenant, so that they work whoever owns the schema. They fix their search_path, and
nobody may call them who is not named.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DEFAULT_PARTITION = "CREATE TABLE sync.sync_log_default PARTITION OF sync.sync_log DEFAULT"

# A month is made beside the table and then attached, which does not stop writers of other months. Rows that arrived
# before their month existed are moved out of the default partition first: PostgreSQL refuses the month otherwise.
ENSURE_MONTH = """
CREATE FUNCTION sync.ensure_month(moment timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '5s' AS $$
DECLARE
  first timestamptz := date_trunc('month', moment);
  beyond timestamptz := first + interval '1 month';
  name text := 'sync_log_' || to_char(first, '"y"YYYY"m"MM');
BEGIN
  IF to_regclass('sync.' || name) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(7140210002);
  IF to_regclass('sync.' || name) IS NOT NULL THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE sync.%I (LIKE sync.sync_log INCLUDING ALL)', name);
  EXECUTE format(
    'WITH moved AS (DELETE FROM sync.sync_log_default WHERE received_at >= %L AND received_at < %L RETURNING *)
     INSERT INTO sync.%I SELECT * FROM moved', first, beyond, name);
  EXECUTE format('ALTER TABLE sync.sync_log ATTACH PARTITION sync.%I FOR VALUES FROM (%L) TO (%L)',
                 name, first, beyond);
END $$
"""

EDIT_SESSION = """
CREATE VIEW sync.edit_session WITH (security_invoker = true) AS
SELECT DISTINCT ON (tenant_id, edit_id)
  tenant_id, edit_id, id AS last_event_id, seq, event, user_id, device_id, entity_type, entity_id, base_version, fields,
  received_at, expires_at
FROM sync.edit_session_event
ORDER BY tenant_id, edit_id, seq DESC
"""

ENSURE_TENANT = """
CREATE FUNCTION sync.ensure_tenant(tenant text, name text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  INSERT INTO sync.tenant (tenant_id, name) VALUES (tenant, name) ON CONFLICT DO NOTHING;
  INSERT INTO sync.tenant_clock (tenant_id) VALUES (tenant) ON CONFLICT DO NOTHING;
END $$
"""

PUBLISH_SNAPSHOT = """
CREATE FUNCTION sync.publish_snapshot(tenant text, rows jsonb) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE written integer;
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  INSERT INTO sync.sync_analytics_snapshot AS s
  SELECT tenant, r.hour_at, r.total_requests, r.successful_requests, r.failed_requests, r.avg_duration_ms,
    r.p95_duration_ms, r.avg_items, r.total_conflicts, r.auto_resolved_conflicts, r.manual_conflicts,
    r.conflict_rate_pct, r.bytes_synced, r.bytes_saved_delta, r.bandwidth_efficiency_pct, r.unique_devices,
    r.unique_users, coalesce(r.by_entity_type, '{}'), now()
  FROM jsonb_populate_recordset(NULL::sync.sync_analytics_snapshot, rows) AS r
  ON CONFLICT (tenant_id, hour_at) DO UPDATE SET
    total_requests = excluded.total_requests, successful_requests = excluded.successful_requests,
    failed_requests = excluded.failed_requests, avg_duration_ms = excluded.avg_duration_ms,
    p95_duration_ms = excluded.p95_duration_ms, avg_items = excluded.avg_items,
    total_conflicts = excluded.total_conflicts, auto_resolved_conflicts = excluded.auto_resolved_conflicts,
    manual_conflicts = excluded.manual_conflicts, conflict_rate_pct = excluded.conflict_rate_pct,
    bytes_synced = excluded.bytes_synced, bytes_saved_delta = excluded.bytes_saved_delta,
    bandwidth_efficiency_pct = excluded.bandwidth_efficiency_pct, unique_devices = excluded.unique_devices,
    unique_users = excluded.unique_users, by_entity_type = excluded.by_entity_type,
    published_at = excluded.published_at;
  GET DIAGNOSTICS written = ROW_COUNT;
  RETURN written;
END $$
"""

PUBLISH_DEVICE_HEALTH = """
CREATE FUNCTION sync.publish_device_health(tenant text, rows jsonb) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE written integer;
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  INSERT INTO sync.sync_device_health AS h
  SELECT tenant, r.device_id, r.user_id, r.score, r.success_rate_pct, r.conflict_rate_pct, r.last_synced_at,
    coalesce(r.reasons, '[]'), now()
  FROM jsonb_populate_recordset(NULL::sync.sync_device_health, rows) AS r
  ON CONFLICT (tenant_id, device_id) DO UPDATE SET
    user_id = excluded.user_id, score = excluded.score, success_rate_pct = excluded.success_rate_pct,
    conflict_rate_pct = excluded.conflict_rate_pct, last_synced_at = excluded.last_synced_at,
    reasons = excluded.reasons, published_at = excluded.published_at;
  GET DIAGNOSTICS written = ROW_COUNT;
  RETURN written;
END $$
"""

FUNCTIONS = {
    "sync.ensure_month(timestamptz)": "foresync_api",
    "sync.ensure_tenant(text, text)": None,
    "sync.publish_snapshot(text, jsonb)": "foresync_publish",
    "sync.publish_device_health(text, jsonb)": "foresync_publish",
}


def upgrade() -> None:
    op.execute(DEFAULT_PARTITION)
    for definition in (ENSURE_MONTH, EDIT_SESSION, ENSURE_TENANT, PUBLISH_SNAPSHOT, PUBLISH_DEVICE_HEALTH):
        op.execute(definition)
    for function, role in FUNCTIONS.items():
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        if role:
            op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {role}")
    op.execute("GRANT SELECT ON sync.edit_session TO foresync_api, foresync_ingest")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP VIEW sync.edit_session")
    op.execute("DROP TABLE sync.sync_log_default")
