"""The current state of every record, and the answer that every change was given."""

import sqlalchemy as sa

from sync_api.db.tables.base import at, json, metadata, number, tenant_id, text

record = sa.Table(
    "record",
    metadata,
    tenant_id(primary_key=True),
    text("entity_type", primary_key=True),
    text("entity_id", primary_key=True),
    text("project_id", nullable=True),
    sa.Column("version", sa.Integer, nullable=False),
    json("data"),
    # field -> {version, user, device, event_id, event_at, edited_at}; event_at is the received_at of that event
    json("field_versions", server_default="{}"),
    number("seq"),
    at("deleted_at", nullable=True),
    at("updated_at"),
    text("updated_by"),
    # null for what was last written before the feed told of devices
    text("updated_device", nullable=True),
    # life counters of the record's events (outcome applied, merged or conflict), for the online features
    number("event_count", server_default="0"),
    number("conflict_count", server_default="0"),
    at("first_event_at"),
    # user -> milliseconds since 1970 of the user's last event, for a week: what events are logged with, for audit
    json("last_events", server_default="{}"),
    # the feed's order
    sa.Index("ix_record_seq", "tenant_id", "seq"),
    # for the purge of what they held
    sa.Index("ix_record_tombstone", "tenant_id", "seq", postgresql_where=sa.text("deleted_at IS NOT NULL")),
    # for whoever gains or loses a project; holds nothing of tenants without projects
    sa.Index("ix_record_project_id", "tenant_id", "project_id", postgresql_where=sa.text("project_id IS NOT NULL")),
)

# Records to be told about anew because somebody's access to them changed: one row for a member who came or went
# (user_id), one for all members of a project that the record has left (user_id ''), or for everybody where it was in
# none (project_id '' too). Only the newest is kept.
access_change = sa.Table(
    "access_change",
    metadata,
    tenant_id(primary_key=True),
    text("project_id", primary_key=True),
    text("user_id", primary_key=True),
    text("entity_type", primary_key=True),
    text("entity_id", primary_key=True),
    number("seq"),
    sa.Index("ix_access_change_seq", "tenant_id", "seq"),
)

applied_change = sa.Table(
    "applied_change",
    metadata,
    tenant_id(primary_key=True),
    text("user_id", primary_key=True),
    text("device_id", primary_key=True),
    text("entity_type", primary_key=True),
    text("offline_id", primary_key=True),
    sa.Column("content_sha256", sa.LargeBinary, nullable=False),
    # the verdict as it was sent, JSON; kept as text because nobody asks about its inside
    text("answer"),
    at("created_at", server_default=sa.func.now()),
    # for the purge alone, which crosses tenants; a BRIN costs a push next to nothing
    sa.Index("ix_applied_change_created_at", "created_at", postgresql_using="brin"),
)
