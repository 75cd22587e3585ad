"""Who there is: tenants, their clock, their projects' members, their devices, their own types and policies."""

import sqlalchemy as sa

from sync_api.db.tables.base import at, json, metadata, number, one_of, tenant_id, text

STRATEGIES = (
    "client_wins",
    "server_wins",
    "most_recent_wins",
    "preserve_escalation",
    "field_merge",
    "append_only",
    "manual",
)

tenant = sa.Table(
    "tenant",
    metadata,
    tenant_id(primary_key=True),
    text("name"),
    # changes after a restore from backup, so that clients know that what they hold may be from a lost future
    sa.Column("epoch", sa.Uuid, nullable=False, server_default=sa.func.gen_random_uuid()),
    # raised by every change to the tenant's entity types and policies, so that servers know when to read them again
    number("config_version", server_default="0"),
    at("created_at", server_default=sa.func.now()),
)

tenant_clock = sa.Table(
    "tenant_clock",
    metadata,
    tenant_id(primary_key=True),
    number("seq", server_default="0"),
    # seqs at or below this have lost their tombstones
    number("tombstone_horizon_seq", server_default="0"),
    # of timed events, those edited before they were received, and of pushes with such: life counters as below
    number("timed_event_count", server_default="0"),
    number("timed_conflict_count", server_default="0"),
    number("timed_push_count", server_default="0"),
    number("conflicted_push_count", server_default="0"),
    # how long they had been open: ln max(60, seconds), in 2^-32
    number("open_log_sum", server_default="0"),
)

# "At this moment the clock had come so far": what leads from a retention in days to a horizon.
clock_mark = sa.Table(
    "clock_mark",
    metadata,
    tenant_id(primary_key=True),
    number("seq", primary_key=True, autoincrement=False),
    at("marked_at"),
)

project_member = sa.Table(
    "project_member",
    metadata,
    tenant_id(primary_key=True),
    text("project_id", primary_key=True),
    text("user_id", primary_key=True),
    # of the last grant or revocation
    number("seq"),
    at("granted_at", server_default=sa.func.now()),
    at("revoked_at", nullable=True),
    sa.Index("ix_project_member_user_id", "tenant_id", "user_id"),
)

device = sa.Table(
    "device",
    metadata,
    tenant_id(primary_key=True),
    text("device_id", primary_key=True),
    text("user_id"),
    json("metadata", server_default="{}"),
    at("first_seen_at", server_default=sa.func.now()),
    at("last_seen_at", server_default=sa.func.now()),
)

tenant_entity_type = sa.Table(
    "tenant_entity_type",
    metadata,
    tenant_id(primary_key=True),
    text("entity_type", primary_key=True),
    json("declaration"),
    text("updated_by"),
    at("updated_at", server_default=sa.func.now()),
)

tenant_conflict_policy = sa.Table(
    "tenant_conflict_policy",
    metadata,
    tenant_id(primary_key=True),
    # '*' is the tenant's default for every entity type
    text("entity_type", primary_key=True),
    number("version", primary_key=True, autoincrement=False),
    one_of("strategy", STRATEGIES),
    # field -> rule
    json("field_rules", server_default="{}"),
    sa.Column("auto_resolve", sa.Boolean, nullable=False, server_default=sa.true()),
    one_of("mode", ("enforce", "shadow"), server_default="enforce"),
    text("created_by"),
    at("created_at", server_default=sa.func.now()),
)

# Life counters of a user's events, for the online features: changed in the transaction of the event.
user_activity = sa.Table(
    "user_activity",
    metadata,
    tenant_id(primary_key=True),
    text("user_id", primary_key=True),
    number("event_count", server_default="0"),
    number("conflict_count", server_default="0"),
    number("timed_push_count", server_default="0"),
    number("conflicted_push_count", server_default="0"),
    number("open_log_sum", server_default="0"),
)

type_activity = sa.Table(
    "type_activity",
    metadata,
    tenant_id(primary_key=True),
    text("entity_type", primary_key=True),
    number("timed_event_count"),
    number("timed_conflict_count"),
)

# The tenant's sums before each of its last 200 timed pushes, that is 200 rows taken in turn: push k has slot k % 200.
recent_push = sa.Table(
    "recent_push",
    metadata,
    tenant_id(primary_key=True),
    number("slot", primary_key=True, autoincrement=False),
    number("conflicted_before"),
    number("open_log_before"),
)

# A replayed history is mapped onto the last 90 days once; the anchor keeps every rerun on the same mapping.
replay_anchor = sa.Table(
    "replay_anchor",
    metadata,
    tenant_id(primary_key=True),
    text("source_digest", primary_key=True),
    at("anchor_at"),
    json("mapping", server_default="{}"),
)
