"""Who has what open: an append-only stream of presence events (`sync.edit_session` is its current view), and who was
warned about it."""

import sqlalchemy as sa

from sync_api.db.tables.base import at, metadata, number, one_of, tenant_id, text, texts

edit_session_event = sa.Table(
    "edit_session_event",
    metadata,
    tenant_id(primary_key=True),
    # chosen by whoever writes it, so that a retry adds nothing
    sa.Column("id", sa.Uuid, primary_key=True),
    number("seq"),
    sa.Column("edit_id", sa.Uuid, nullable=False),
    one_of("event", ("opened", "renewed", "fields", "closed")),
    text("user_id"),
    text("device_id"),
    text("entity_type"),
    text("entity_id"),
    # what was announced so far, not only by this event
    sa.Column("base_version", sa.Integer, nullable=True),
    texts("fields", server_default="{}"),
    at("received_at"),
    # an edit is open at t when its newest event at t is not 'closed' and expires later than t
    at("expires_at"),
    # what may still be open on a record, not all that ever was
    sa.Index("ix_edit_session_event_entity", "tenant_id", "entity_type", "entity_id", "expires_at"),
    sa.Index("ix_edit_session_event_edit_id", "tenant_id", "edit_id", "seq"),
    sa.Index("ix_edit_session_event_received_at", "tenant_id", "received_at"),
    # what has been announced since, for whoever watches over open edits
    sa.Index("ix_edit_session_event_seq", "tenant_id", "seq"),
)

# Whose key makes "once for an edit" hold, whoever finds out, and however many at once.
edit_warning = sa.Table(
    "edit_warning",
    metadata,
    tenant_id(primary_key=True),
    sa.Column("edit_id", sa.Uuid, primary_key=True),
    # its place in what the streams tell
    number("seq"),
    text("user_id"),
    text("entity_type"),
    text("entity_id"),
    sa.Column("conflict_probability", sa.Double, nullable=True),
    sa.Column("threshold", sa.Double, nullable=True),
    text("warning_message", nullable=True),
    sa.Column("prediction_id", sa.Uuid, nullable=True),
    at("warned_at", server_default=sa.func.now()),
    sa.Index("ix_edit_warning_seq", "tenant_id", "seq"),
)
