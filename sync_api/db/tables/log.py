"""What happened: a row per push, and a row per change that took part."""

import sqlalchemy as sa

from sync_api.db.tables.base import at, json, metadata, number, one_of, tenant_id, text, texts

OPERATIONS = ("create", "update", "update_status", "delete", "append")
OUTCOMES = ("applied", "merged", "unchanged", "conflict")

sync_request = sa.Table(
    "sync_request",
    metadata,
    tenant_id(primary_key=True),
    at("received_at", primary_key=True),
    sa.Column("sync_id", sa.Uuid, primary_key=True),
    text("sync_session_id"),
    text("user_id"),
    text("device_id"),
    text("network_type", nullable=True),
    one_of("kind", ("push", "import", "replication", "partial"), server_default="push"),
    one_of("status", ("success", "partial", "failed")),
    number("item_count"),
    number("applied_count"),
    number("merged_count"),
    number("unchanged_count"),
    number("conflict_count"),
    number("auto_resolved_count"),
    number("rejected_count"),
    number("replayed_count"),
    number("bytes_in"),
    number("bytes_out"),
    number("bytes_saved_delta", server_default="0"),
    number("bytes_saved_compression", server_default="0"),
    sa.Column("duration_ms", sa.Double, nullable=False),
    at("client_time", nullable=True),
    # the tenant clock when the request was answered
    number("seq"),
)

# Partitioned by month of received_at; references to it carry (received_at, id) without a foreign key.
sync_log = sa.Table(
    "sync_log",
    metadata,
    tenant_id(primary_key=True),
    at("received_at", primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("uuidv7()")),
    number("seq"),
    sa.Column("sync_id", sa.Uuid, nullable=False),
    text("sync_session_id"),
    text("user_id"),
    text("device_id"),
    text("entity_type"),
    text("entity_id"),
    text("project_id", nullable=True),
    text("offline_id"),
    one_of("operation", OPERATIONS),
    # null when the client did not say
    sa.Column("base_version", sa.Integer, nullable=True),
    # the record's version when the change arrived; 0 when there was no record
    sa.Column("server_version", sa.Integer, nullable=False),
    # null when the change was not applied
    sa.Column("new_version", sa.Integer, nullable=True),
    one_of("outcome", OUTCOMES),
    # true when it has a conflict_resolution with detection 'version': the label of the models
    sa.Column("is_conflicted", sa.Boolean, nullable=False, server_default=sa.false()),
    # field -> {old, new}
    json("field_changes", server_default="{}"),
    texts("fields", server_default="{}"),
    # as sent, and as corrected for the skew of the device's clock
    at("edited_at_sent", nullable=True),
    at("edited_at"),
    # for audit only: no feature reads these two
    sa.Column("concurrent_editors", sa.Integer, nullable=True),
    sa.Column("hours_since_last_sync", sa.Double, nullable=True),
    text("network_type", nullable=True),
    json("device_metadata", server_default="{}"),
    sa.Column("edit_id", sa.Uuid, nullable=True),
    sa.Column("prediction_id", sa.Uuid, nullable=True),
    # both end in time: "the last N events" of a record or a type are read backwards from now, and no further
    sa.Index("ix_sync_log_entity", "tenant_id", "entity_type", "entity_id", "received_at", "user_id"),
    sa.Index("ix_sync_log_entity_type", "tenant_id", "entity_type", "received_at"),
    sa.Index("ix_sync_log_user", "tenant_id", "user_id", "received_at"),
    # a record's conflicts, of which there are few
    sa.Index(
        "ix_sync_log_conflicted",
        "tenant_id",
        "entity_type",
        "entity_id",
        "received_at",
        postgresql_where=sa.text("is_conflicted"),
    ),
    # (tenant_id, received_at) is the head of the primary key
    postgresql_partition_by="RANGE (received_at)",
)
