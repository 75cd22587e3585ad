"""The tables. Roles, policies and functions follow in revisions of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "applied_change",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("offline_id", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "user_id", "device_id", "entity_type", "offline_id", name=op.f("pk_applied_change")
        ),
        schema="sync",
    )
    op.create_index(
        "ix_applied_change_created_at",
        "applied_change",
        ["created_at"],
        unique=False,
        schema="sync",
        postgresql_using="brin",
    )
    op.create_table(
        "conflict_resolution",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("conflict_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("event_received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("conflicted_with", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "stale_version",
                "missing_client_version",
                "invalid_transition",
                "deleted",
                "blocked",
                "window",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "detection",
            sa.Enum("version", "window", name="detection", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.Enum(
                "low",
                "medium",
                "high",
                "critical",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "resolution_strategy",
            sa.Enum(
                "client_wins",
                "server_wins",
                "most_recent_wins",
                "preserve_escalation",
                "field_merge",
                "append_only",
                "manual",
                name="resolution_strategy",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "open", "resolved", "discarded", name="status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("is_auto_resolved", sa.Boolean(), nullable=False),
        sa.Column("is_shadow", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("field_conflicts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("client_state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("server_state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("client_version", sa.Integer(), nullable=True),
        sa.Column("server_version", sa.Integer(), nullable=False),
        sa.Column("policy_version", sa.BigInteger(), nullable=True),
        sa.Column("user_notified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("changed_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "conflict_id", name=op.f("pk_conflict_resolution")),
        schema="sync",
    )
    op.create_index(
        "ix_conflict_resolution_changed_seq",
        "conflict_resolution",
        ["tenant_id", "changed_seq"],
        unique=False,
        schema="sync",
    )
    op.create_index(
        "ix_conflict_resolution_entity",
        "conflict_resolution",
        ["tenant_id", "entity_type", "entity_id", "created_at"],
        unique=False,
        schema="sync",
    )
    op.create_index(
        "ix_conflict_resolution_status",
        "conflict_resolution",
        ["tenant_id", "status", "created_at"],
        unique=False,
        schema="sync",
    )
    op.create_table(
        "conflict_resolution_log",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("conflict_id", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column(
            "decision",
            sa.Enum(
                "opened",
                "auto",
                "keep_mine",
                "use_server",
                "merge",
                "discard",
                name="decision",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_conflict_resolution_log")),
        schema="sync",
    )
    op.create_index(
        "ix_conflict_resolution_log_conflict_id",
        "conflict_resolution_log",
        ["tenant_id", "conflict_id", "decided_at"],
        unique=False,
        schema="sync",
    )
    op.create_table(
        "device",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("first_seen_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "device_id", name=op.f("pk_device")),
        schema="sync",
    )
    op.create_table(
        "edit_session_event",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("edit_id", sa.Uuid(), nullable=False),
        sa.Column(
            "event",
            sa.Enum(
                "opened",
                "renewed",
                "fields",
                "closed",
                name="event",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_edit_session_event")),
        schema="sync",
    )
    op.create_index(
        "ix_edit_session_event_edit_id",
        "edit_session_event",
        ["tenant_id", "edit_id", "seq"],
        unique=False,
        schema="sync",
    )
    op.create_index(
        "ix_edit_session_event_entity",
        "edit_session_event",
        ["tenant_id", "entity_type", "entity_id", "seq"],
        unique=False,
        schema="sync",
    )
    op.create_index(
        "ix_edit_session_event_received_at",
        "edit_session_event",
        ["tenant_id", "received_at"],
        unique=False,
        schema="sync",
    )
    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("dispatched_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_outbox")),
        schema="sync",
    )
    op.create_index(
        "ix_outbox_undispatched",
        "outbox",
        ["tenant_id", "created_at"],
        unique=False,
        schema="sync",
        postgresql_where=sa.text("dispatched_at IS NULL"),
    )
    op.create_table(
        "prediction_log",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("prediction_id", sa.Uuid(), nullable=False),
        sa.Column("model_type", sa.Text(), nullable=True),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column(
            "moment",
            sa.Enum("edit_start", "edit_open", name="moment", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("asked_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("as_of_seq", sa.BigInteger(), nullable=False),
        sa.Column("event_received_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("edit_id", sa.Uuid(), nullable=True),
        sa.Column("conflict_probability", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("predicted_conflict", sa.Boolean(), nullable=True),
        sa.Column("features_json", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "arm",
            sa.Enum("shown", "withheld", name="arm", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("latency_ms", sa.Double(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=True),
        sa.Column("outcome_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "prediction_id", name=op.f("pk_prediction_log")),
        schema="sync",
    )
    op.create_index(
        "ix_prediction_log_asked_at", "prediction_log", ["tenant_id", "asked_at"], unique=False, schema="sync"
    )
    op.create_index(
        "ix_prediction_log_entity",
        "prediction_log",
        ["tenant_id", "entity_type", "entity_id", "user_id", "asked_at"],
        unique=False,
        schema="sync",
    )
    op.create_table(
        "project_member",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("granted_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "project_id", "user_id", name=op.f("pk_project_member")),
        schema="sync",
    )
    op.create_table(
        "record",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("field_versions", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("conflict_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("first_event_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "entity_type", "entity_id", name=op.f("pk_record")),
        schema="sync",
    )
    op.create_table(
        "replay_anchor",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("source_digest", sa.Text(), nullable=False),
        sa.Column("anchor_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "source_digest", name=op.f("pk_replay_anchor")),
        schema="sync",
    )
    op.create_table(
        "sync_analytics_snapshot",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("hour_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("total_requests", sa.BigInteger(), nullable=False),
        sa.Column("successful_requests", sa.BigInteger(), nullable=False),
        sa.Column("failed_requests", sa.BigInteger(), nullable=False),
        sa.Column("avg_duration_ms", sa.Double(), nullable=True),
        sa.Column("p95_duration_ms", sa.Double(), nullable=True),
        sa.Column("avg_items", sa.Double(), nullable=True),
        sa.Column("total_conflicts", sa.BigInteger(), nullable=False),
        sa.Column("auto_resolved_conflicts", sa.BigInteger(), nullable=False),
        sa.Column("manual_conflicts", sa.BigInteger(), nullable=False),
        sa.Column("conflict_rate_pct", sa.Double(), nullable=True),
        sa.Column("bytes_synced", sa.BigInteger(), nullable=False),
        sa.Column("bytes_saved_delta", sa.BigInteger(), nullable=False),
        sa.Column("bandwidth_efficiency_pct", sa.Double(), nullable=True),
        sa.Column("unique_devices", sa.BigInteger(), nullable=False),
        sa.Column("unique_users", sa.BigInteger(), nullable=False),
        sa.Column("by_entity_type", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("published_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "hour_at", name=op.f("pk_sync_analytics_snapshot")),
        schema="sync",
    )
    op.create_table(
        "sync_device_health",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("success_rate_pct", sa.Double(), nullable=True),
        sa.Column("conflict_rate_pct", sa.Double(), nullable=True),
        sa.Column("last_synced_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("published_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "device_id", name=op.f("pk_sync_device_health")),
        schema="sync",
    )
    op.create_table(
        "sync_log",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("sync_id", sa.Uuid(), nullable=False),
        sa.Column("sync_session_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("offline_id", sa.Text(), nullable=False),
        sa.Column(
            "operation",
            sa.Enum(
                "create",
                "update",
                "update_status",
                "delete",
                "append",
                name="operation",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("server_version", sa.Integer(), nullable=False),
        sa.Column("new_version", sa.Integer(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "applied",
                "merged",
                "unchanged",
                "conflict",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("is_conflicted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("field_changes", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("edited_at_sent", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("edited_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("concurrent_editors", sa.Integer(), nullable=True),
        sa.Column("hours_since_last_sync", sa.Double(), nullable=True),
        sa.Column("network_type", sa.Text(), nullable=True),
        sa.Column("device_metadata", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("edit_id", sa.Uuid(), nullable=True),
        sa.Column("prediction_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "received_at", "id", name=op.f("pk_sync_log")),
        schema="sync",
        postgresql_partition_by="RANGE (received_at)",
    )
    op.create_index(
        "ix_sync_log_entity",
        "sync_log",
        ["tenant_id", "entity_type", "entity_id", "user_id", "received_at"],
        unique=False,
        schema="sync",
    )
    op.create_index(
        "ix_sync_log_user", "sync_log", ["tenant_id", "user_id", "received_at"], unique=False, schema="sync"
    )
    op.create_table(
        "sync_request",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sync_id", sa.Uuid(), nullable=False),
        sa.Column("sync_session_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("network_type", sa.Text(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "push",
                "import",
                "replication",
                "partial",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="push",
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "success", "partial", "failed", name="status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("item_count", sa.BigInteger(), nullable=False),
        sa.Column("applied_count", sa.BigInteger(), nullable=False),
        sa.Column("merged_count", sa.BigInteger(), nullable=False),
        sa.Column("unchanged_count", sa.BigInteger(), nullable=False),
        sa.Column("conflict_count", sa.BigInteger(), nullable=False),
        sa.Column("auto_resolved_count", sa.BigInteger(), nullable=False),
        sa.Column("rejected_count", sa.BigInteger(), nullable=False),
        sa.Column("replayed_count", sa.BigInteger(), nullable=False),
        sa.Column("bytes_in", sa.BigInteger(), nullable=False),
        sa.Column("bytes_out", sa.BigInteger(), nullable=False),
        sa.Column("bytes_saved_delta", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bytes_saved_compression", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("client_time", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "received_at", "sync_id", name=op.f("pk_sync_request")),
        schema="sync",
    )
    op.create_table(
        "tenant",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("config_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenant")),
        schema="sync",
    )
    op.create_table(
        "tenant_clock",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tombstone_horizon_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenant_clock")),
        schema="sync",
    )
    op.create_table(
        "tenant_conflict_policy",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "strategy",
            sa.Enum(
                "client_wins",
                "server_wins",
                "most_recent_wins",
                "preserve_escalation",
                "field_merge",
                "append_only",
                "manual",
                name="strategy",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("field_rules", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("auto_resolve", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "mode",
            sa.Enum("enforce", "shadow", name="mode", native_enum=False, create_constraint=True, length=40),
            server_default="enforce",
            nullable=False,
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "entity_type", "version", name=op.f("pk_tenant_conflict_policy")),
        schema="sync",
    )
    op.create_table(
        "tenant_entity_type",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("declaration", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "entity_type", name=op.f("pk_tenant_entity_type")),
        schema="sync",
    )
    op.create_table(
        "user_activity",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("conflict_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name=op.f("pk_user_activity")),
        schema="sync",
    )
    op.create_table(
        "webhook_endpoint",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_webhook_endpoint")),
        schema="sync",
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("outbox_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending", "delivered", "dead", name="status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"],
            ["sync.webhook_endpoint.tenant_id", "sync.webhook_endpoint.id"],
            name=op.f("fk_webhook_delivery_tenant_id_endpoint_id_webhook_endpoint"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_webhook_delivery")),
        schema="sync",
    )
    op.create_index(
        "ix_webhook_delivery_status",
        "webhook_delivery",
        ["tenant_id", "status", "next_attempt_at"],
        unique=False,
        schema="sync",
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_delivery_status", table_name="webhook_delivery", schema="sync")
    op.drop_table("webhook_delivery", schema="sync")
    op.drop_table("webhook_endpoint", schema="sync")
    op.drop_table("user_activity", schema="sync")
    op.drop_table("tenant_entity_type", schema="sync")
    op.drop_table("tenant_conflict_policy", schema="sync")
    op.drop_table("tenant_clock", schema="sync")
    op.drop_table("tenant", schema="sync")
    op.drop_table("sync_request", schema="sync")
    op.drop_index("ix_sync_log_user", table_name="sync_log", schema="sync")
    op.drop_index("ix_sync_log_entity", table_name="sync_log", schema="sync")
    op.drop_table("sync_log", schema="sync")
    op.drop_table("sync_device_health", schema="sync")
    op.drop_table("sync_analytics_snapshot", schema="sync")
    op.drop_table("replay_anchor", schema="sync")
    op.drop_table("record", schema="sync")
    op.drop_table("project_member", schema="sync")
    op.drop_index("ix_prediction_log_entity", table_name="prediction_log", schema="sync")
    op.drop_index("ix_prediction_log_asked_at", table_name="prediction_log", schema="sync")
    op.drop_table("prediction_log", schema="sync")
    op.drop_index(
        "ix_outbox_undispatched", table_name="outbox", schema="sync", postgresql_where=sa.text("dispatched_at IS NULL")
    )
    op.drop_table("outbox", schema="sync")
    op.drop_index("ix_edit_session_event_received_at", table_name="edit_session_event", schema="sync")
    op.drop_index("ix_edit_session_event_entity", table_name="edit_session_event", schema="sync")
    op.drop_index("ix_edit_session_event_edit_id", table_name="edit_session_event", schema="sync")
    op.drop_table("edit_session_event", schema="sync")
    op.drop_table("device", schema="sync")
    op.drop_index("ix_conflict_resolution_log_conflict_id", table_name="conflict_resolution_log", schema="sync")
    op.drop_table("conflict_resolution_log", schema="sync")
    op.drop_index("ix_conflict_resolution_status", table_name="conflict_resolution", schema="sync")
    op.drop_index("ix_conflict_resolution_entity", table_name="conflict_resolution", schema="sync")
    op.drop_index("ix_conflict_resolution_changed_seq", table_name="conflict_resolution", schema="sync")
    op.drop_table("conflict_resolution", schema="sync")
    op.drop_index("ix_applied_change_created_at", table_name="applied_change", schema="sync", postgresql_using="brin")
    op.drop_table("applied_change", schema="sync")
