"""What is to be told to the outside, to whom, and how that went."""

import sqlalchemy as sa

from sync_api.db.tables.base import at, json, metadata, number, one_of, tenant_id, text, texts

outbox = sa.Table(
    "outbox",
    metadata,
    tenant_id(primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("uuidv7()")),
    text("topic"),
    json("payload"),
    at("created_at", server_default=sa.func.now()),
    at("dispatched_at", nullable=True),
    sa.Index(
        "ix_outbox_undispatched",
        "tenant_id",
        "created_at",
        postgresql_where=sa.text("dispatched_at IS NULL"),
    ),
)

webhook_endpoint = sa.Table(
    "webhook_endpoint",
    metadata,
    tenant_id(primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("uuidv7()")),
    text("url"),
    text("secret"),
    texts("topics"),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
    at("created_at", server_default=sa.func.now()),
)

webhook_delivery = sa.Table(
    "webhook_delivery",
    metadata,
    tenant_id(primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("uuidv7()")),
    sa.Column("endpoint_id", sa.Uuid, nullable=False),
    sa.Column("outbox_id", sa.Uuid, nullable=False),
    one_of("status", ("pending", "delivered", "dead")),
    number("attempts", server_default="0"),
    at("next_attempt_at", nullable=True),
    text("last_error", nullable=True),
    at("created_at", server_default=sa.func.now()),
    sa.Index("ix_webhook_delivery_status", "tenant_id", "status", "next_attempt_at"),
    sa.ForeignKeyConstraint(
        ["tenant_id", "endpoint_id"], ["sync.webhook_endpoint.tenant_id", "sync.webhook_endpoint.id"]
    ),
)
