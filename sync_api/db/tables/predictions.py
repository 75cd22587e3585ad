"""What the prediction server said, and what came of it."""

import sqlalchemy as sa

from sync_api.db.tables.base import at, json, metadata, number, one_of, tenant_id, text

prediction_log = sa.Table(
    "prediction_log",
    metadata,
    tenant_id(primary_key=True),
    sa.Column("prediction_id", sa.Uuid, primary_key=True),
    text("model_type", nullable=True),
    text("model_version", nullable=True),
    text("user_id"),
    text("device_id", nullable=True),
    text("entity_type"),
    text("entity_id"),
    one_of("moment", ("edit_start", "edit_open")),
    # t, by the server's clock, and the tenant clock in the snapshot that the features were read from
    at("asked_at"),
    number("as_of_seq"),
    # the sync_log row, once known
    at("event_received_at", nullable=True),
    sa.Column("event_id", sa.Uuid, nullable=True),
    sa.Column("edit_id", sa.Uuid, nullable=True),
    sa.Column("conflict_probability", sa.Double, nullable=True),
    sa.Column("threshold", sa.Double, nullable=True),
    sa.Column("predicted_conflict", sa.Boolean, nullable=True),
    # {"features": {name: value}, "request": {client_version, fields}}
    json("features_json"),
    one_of("arm", ("shown", "withheld")),
    sa.Column("latency_ms", sa.Double, nullable=False),
    at("created_at", server_default=sa.func.now()),
    sa.Column("outcome", sa.Boolean, nullable=True),
    at("outcome_at", nullable=True),
    sa.Index("ix_prediction_log_asked_at", "tenant_id", "asked_at"),
    sa.Index("ix_prediction_log_entity", "tenant_id", "entity_type", "entity_id", "user_id", "asked_at"),
)
