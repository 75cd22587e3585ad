"""Conflicts and every decision about them. The losing value is never lost."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from sync_api.db.tables.base import at, json, metadata, number, one_of, tenant_id, text
from sync_api.db.tables.tenants import STRATEGIES

SEVERITIES = ("low", "medium", "high", "critical")
REASONS = (
    "stale_version",
    "missing_client_version",
    "invalid_transition",
    "deleted",
    "blocked",
    "window",
)

conflict_resolution = sa.Table(
    "conflict_resolution",
    metadata,
    tenant_id(primary_key=True),
    sa.Column("conflict_id", sa.Uuid, primary_key=True, server_default=sa.text("uuidv7()")),
    # the sync_log row of the change
    at("event_received_at"),
    sa.Column("event_id", sa.Uuid, nullable=False),
    text("entity_type"),
    text("entity_id"),
    text("project_id", nullable=True),
    text("user_id"),
    text("device_id"),
    # the sync_log rows it collided with: [{received_at, id, user, device}]
    json("conflicted_with", server_default="[]"),
    one_of("reason", REASONS),
    one_of("detection", ("version", "window")),
    one_of("severity", SEVERITIES),
    one_of("resolution_strategy", STRATEGIES),
    one_of("status", ("open", "resolved", "discarded")),
    sa.Column("is_auto_resolved", sa.Boolean, nullable=False),
    # true where a shadow policy only says what would have happened
    sa.Column("is_shadow", sa.Boolean, nullable=False, server_default=sa.false()),
    # field -> {base, client, server, rule, winner, value}
    json("field_conflicts"),
    json("client_state"),
    json("server_state"),
    sa.Column("client_version", sa.Integer, nullable=True),
    sa.Column("server_version", sa.Integer, nullable=False),
    # null: the shipped default policy
    number("policy_version", nullable=True),
    sa.Column("user_notified", sa.Boolean, nullable=False, server_default=sa.false()),
    at("created_at"),
    at("resolved_at", nullable=True),
    text("resolved_by", nullable=True),
    # the tenant clock at the row's last change: what the ingest re-reads
    number("changed_seq"),
    sa.Index("ix_conflict_resolution_entity", "tenant_id", "entity_type", "entity_id", "created_at"),
    sa.Index("ix_conflict_resolution_status", "tenant_id", "status", "created_at"),
    sa.Index("ix_conflict_resolution_user", "tenant_id", "user_id", "created_at"),
    sa.Index("ix_conflict_resolution_changed_seq", "tenant_id", "changed_seq"),
)

conflict_resolution_log = sa.Table(
    "conflict_resolution_log",
    metadata,
    tenant_id(primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("uuidv7()")),
    sa.Column("conflict_id", sa.Uuid, nullable=False),
    at("decided_at"),
    text("decided_by"),
    one_of("decision", ("opened", "auto", "keep_mine", "use_server", "merge", "discard")),
    # field -> {rule, winner, value, loser, losing_value}
    sa.Column("fields", pg.JSONB, nullable=False),
    json("detail", server_default="{}"),
    sa.Index("ix_conflict_resolution_log_conflict_id", "tenant_id", "conflict_id", "decided_at"),
)
