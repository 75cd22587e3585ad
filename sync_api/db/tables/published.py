"""What the warehouse works out and publishes back for the API to read. Written by orchestration alone."""

import sqlalchemy as sa

from sync_api.db.tables.base import at, json, metadata, number, tenant_id, text

sync_analytics_snapshot = sa.Table(
    "sync_analytics_snapshot",
    metadata,
    tenant_id(primary_key=True),
    at("hour_at", primary_key=True),
    number("total_requests"),
    number("successful_requests"),
    number("failed_requests"),
    sa.Column("avg_duration_ms", sa.Double, nullable=True),
    sa.Column("p95_duration_ms", sa.Double, nullable=True),
    sa.Column("avg_items", sa.Double, nullable=True),
    number("total_changes"),
    number("total_conflicts"),
    number("auto_resolved_conflicts"),
    number("manual_conflicts"),
    sa.Column("conflict_rate_pct", sa.Double, nullable=True),
    number("bytes_synced"),
    number("bytes_saved_delta"),
    number("bytes_saved"),
    sa.Column("bandwidth_efficiency_pct", sa.Double, nullable=True),
    number("unique_devices"),
    number("unique_users"),
    json("by_entity_type", server_default="{}"),
    at("published_at", server_default=sa.func.now()),
)

sync_device_health = sa.Table(
    "sync_device_health",
    metadata,
    tenant_id(primary_key=True),
    text("device_id", primary_key=True),
    text("user_id"),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("success_rate_pct", sa.Double, nullable=True),
    sa.Column("conflict_rate_pct", sa.Double, nullable=True),
    at("last_synced_at", nullable=True),
    json("reasons", server_default="[]"),
    at("published_at", server_default=sa.func.now()),
)
