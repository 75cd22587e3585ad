"""The hourly figures keep what a rate over many hours is made of: the changes, and all the bytes that were saved."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLE = "sync_analytics_snapshot"
COLUMNS = [
    "hour_at", "total_requests", "successful_requests", "failed_requests", "avg_duration_ms", "p95_duration_ms",
    "avg_items", "total_changes", "total_conflicts", "auto_resolved_conflicts", "manual_conflicts",
    "conflict_rate_pct", "bytes_synced", "bytes_saved_delta", "bytes_saved", "bandwidth_efficiency_pct",
    "unique_devices", "unique_users", "by_entity_type",
]  # fmt: skip

PUBLISH_SNAPSHOT = f"""
CREATE OR REPLACE FUNCTION sync.publish_snapshot(tenant text, rows jsonb) RETURNS integer LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE written integer;
BEGIN
  PERFORM set_config('foresync.tenant', tenant, true);
  INSERT INTO sync.{TABLE} (tenant_id, {", ".join(COLUMNS)})
  SELECT tenant, {", ".join(f"r.{name}" for name in COLUMNS)}
  FROM jsonb_populate_recordset(NULL::sync.{TABLE}, rows) AS r
  ON CONFLICT (tenant_id, hour_at) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])}, published_at = now();
  GET DIAGNOSTICS written = ROW_COUNT;
  RETURN written;
END $$
"""


def upgrade() -> None:
    for name in ("total_changes", "bytes_saved"):
        # what was published before has neither until it is published again
        op.add_column(TABLE, sa.Column(name, sa.BigInteger(), server_default="0", nullable=False), schema="sync")
        op.alter_column(TABLE, name, server_default=None, schema="sync")
    op.execute(PUBLISH_SNAPSHOT)


def downgrade() -> None:
    before = import_module("sync_api.db.migrations.versions.0003_functions").PUBLISH_SNAPSHOT
    for name in ("bytes_saved", "total_changes"):
        op.drop_column(TABLE, name, schema="sync")
    op.execute(before.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
