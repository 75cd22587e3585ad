"""The floor under a push: every row that it writes, in one prepared set-based statement over asyncpg.

As the role of the sync API, under row-level security, with the stored answer and the clock. It decides nothing: what
the API adds to this (HTTP, tokens, decoding, detection, the answer) is what the bench measures.
"""

import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass

import asyncpg
import orjson

STATEMENT = """
WITH clock AS (
  UPDATE sync.tenant_clock SET seq = seq + cardinality($5::text[]),
    timed_event_count = timed_event_count + cardinality($5::text[]), timed_push_count = timed_push_count + 1,
    open_log_sum = open_log_sum + 17585207000 WHERE tenant_id = $1
  RETURNING seq - cardinality($5::text[]) AS start, timed_push_count AS pushes, open_log_sum AS open_log
), change AS (
  SELECT c.*, clock.start + c.n AS seq
  FROM clock, unnest($5::text[], $6::text[], $7::int[], $8::jsonb[], $9::jsonb[], $10::bytea[], $11::bool[],
    $12::uuid[])
    WITH ORDINALITY AS c(entity_id, offline_id, base_version, data, field_changes, digest, is_conflicted, event_id, n)
), written AS (
  INSERT INTO sync.record AS r (tenant_id, entity_type, entity_id, version, data, field_versions, seq, updated_at,
    updated_by, updated_device, event_count, conflict_count, first_event_at, last_events)
  SELECT $1, 'task', entity_id, 1, data, jsonb_build_object('title', stamp), seq, $4, $2, $3, 1, is_conflicted::int, $4,
    jsonb_build_object($2::text, 1795226609231)
  FROM change, jsonb_build_object('version', base_version + 1, 'user', $2::text, 'device', $3::text,
    'event_id', event_id, 'event_at', $4::timestamptz, 'edited_at', $4::timestamptz) AS stamp
  ORDER BY entity_id
  ON CONFLICT (tenant_id, entity_type, entity_id) DO UPDATE SET version = r.version + 1, data = r.data || excluded.data,
    field_versions = r.field_versions || excluded.field_versions, seq = excluded.seq, updated_at = excluded.updated_at,
    updated_by = excluded.updated_by, updated_device = excluded.updated_device, event_count = r.event_count + 1,
    conflict_count = r.conflict_count + excluded.conflict_count, last_events = excluded.last_events
  RETURNING r.entity_id, r.version
), numbered AS (
  SELECT change.*, written.version, uuidv7() AS conflict_id FROM change JOIN written USING (entity_id)
), logged AS (
  INSERT INTO sync.sync_log (tenant_id, received_at, id, seq, sync_id, sync_session_id, user_id, device_id, entity_type,
    entity_id, offline_id, operation, base_version, server_version, new_version, outcome, is_conflicted, field_changes,
    fields, edited_at_sent, edited_at, network_type, concurrent_editors, hours_since_last_sync)
  SELECT $1, $4, event_id, seq, $13, 's', $2, $3, 'task', entity_id, offline_id, 'update', base_version, version - 1,
    version, CASE WHEN is_conflicted THEN 'merged' ELSE 'applied' END, is_conflicted, field_changes, ARRAY['title'],
    $4, $4, 'good', 0, 0.01
  FROM numbered
), conflicted AS (
  INSERT INTO sync.conflict_resolution (tenant_id, conflict_id, event_received_at, event_id, entity_type, entity_id,
    user_id, device_id, conflicted_with, reason, detection, severity, resolution_strategy, status, is_auto_resolved,
    field_conflicts, client_state, server_state, client_version, server_version, policy_version, created_at,
    resolved_at, resolved_by, changed_seq)
  SELECT $1, conflict_id, $4, event_id, 'task', entity_id, $2, $3, $14, 'stale_version', 'version', 'medium',
    'client_wins', 'resolved', true, $15, data, data, base_version, version - 1, 1, $4, $4, 'policy', seq
  FROM numbered WHERE is_conflicted
), decided AS (
  INSERT INTO sync.conflict_resolution_log (tenant_id, id, conflict_id, decided_at, decided_by, decision, fields,
    detail)
  SELECT $1, uuidv7(), conflict_id, $4, 'policy', 'auto', $15, $16 FROM numbered WHERE is_conflicted
), answered AS (
  INSERT INTO sync.applied_change (tenant_id, user_id, device_id, entity_type, offline_id, content_sha256, answer)
  SELECT $1, $2, $3, 'task', offline_id, digest, '{"list":"applied","answer":{"entity":"task","offline_id":"'
    || offline_id || '","server_id":"' || entity_id || '","new_version":' || version || ',"status":"applied",'
    || '"sync_event_id":"' || event_id || '","record":null}}'
  FROM numbered
), requested AS (
  INSERT INTO sync.sync_request (tenant_id, received_at, sync_id, sync_session_id, user_id, device_id, network_type,
    status, item_count, applied_count, merged_count, unchanged_count, conflict_count, auto_resolved_count,
    rejected_count, replayed_count, bytes_in, bytes_out, duration_ms, seq)
  SELECT $1, $4, $13, 's', $2, $3, 'good', 'success', count(*), count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, max(seq)
  FROM numbered
), seen AS (
  INSERT INTO sync.device AS d (tenant_id, device_id, user_id, first_seen_at, last_seen_at)
  SELECT $1, $3, $2, $4, $4 FROM clock
  ON CONFLICT (tenant_id, device_id) DO UPDATE SET last_seen_at = greatest(d.last_seen_at, excluded.last_seen_at)
), active AS (
  INSERT INTO sync.user_activity AS u (tenant_id, user_id, event_count, conflict_count, timed_push_count, open_log_sum)
  SELECT $1, $2, count(*), count(*) FILTER (WHERE is_conflicted), 1, 17585207000 FROM numbered
  ON CONFLICT (tenant_id, user_id) DO UPDATE SET event_count = u.event_count + excluded.event_count,
    conflict_count = u.conflict_count + excluded.conflict_count,
    timed_push_count = u.timed_push_count + 1, open_log_sum = u.open_log_sum + excluded.open_log_sum
), typed AS (
  INSERT INTO sync.type_activity AS t (tenant_id, entity_type, timed_event_count, timed_conflict_count)
  SELECT $1, 'task', count(*), count(*) FILTER (WHERE is_conflicted) FROM numbered
  ON CONFLICT (tenant_id, entity_type) DO UPDATE SET
    timed_event_count = t.timed_event_count + excluded.timed_event_count,
    timed_conflict_count = t.timed_conflict_count + excluded.timed_conflict_count
), recent AS (
  INSERT INTO sync.recent_push (tenant_id, slot, conflicted_before, open_log_before)
  SELECT $1, mod(pushes, 200), 0, open_log FROM clock
  ON CONFLICT (tenant_id, slot) DO UPDATE SET open_log_before = excluded.open_log_before
)
SELECT array_agg(entity_id), array_agg(version), array_agg(seq) FROM numbered
"""

# Values of the size that the API stores.
SOME_ID = "58f67bdb-6a1a-4d11-a73c-391bf64d486e"
FIELD_CHANGES = orjson.dumps({"title": {"old": SOME_ID, "new": SOME_ID}}).decode()
RIVALS = orjson.dumps(
    [{"id": SOME_ID, "user": "u1", "device": "d1", "received_at": "2026-01-01T00:00:00.000000Z"}]
).decode()
FIELD_CONFLICTS = orjson.dumps(
    {"title": {"base": SOME_ID, "rule": "client_wins", "value": SOME_ID, "client": SOME_ID, "server": SOME_ID}}
).decode()
DETAIL = orjson.dumps(
    {"strategy": "client_wins", "detection": "version", "is_shadow": False, "policy_version": 1}
).decode()


@dataclass(frozen=True)
class FloorChange:
    entity_id: str
    offline_id: str
    base_version: int
    data: bytes
    is_conflicted: bool


async def prepare(connection: asyncpg.Connection) -> asyncpg.prepared_stmt.PreparedStatement:
    return await connection.prepare(STATEMENT)


async def push(
    connection: asyncpg.Connection,
    statement: asyncpg.prepared_stmt.PreparedStatement,
    *,
    tenant: str,
    user: str,
    device: str,
    changes: list[FloorChange],
) -> None:
    """One push, one transaction: say the tenant, write everything, commit."""
    now = dt.datetime.now(dt.UTC)
    async with connection.transaction():
        await connection.execute("SELECT set_config('foresync.tenant', $1, true)", tenant)
        await statement.fetchrow(
            tenant,
            user,
            device,
            now,
            [c.entity_id for c in changes],
            [c.offline_id for c in changes],
            [c.base_version for c in changes],
            [c.data.decode() for c in changes],
            [FIELD_CHANGES] * len(changes),
            [hashlib.sha256(c.data).digest() for c in changes],
            [c.is_conflicted for c in changes],
            [uuid.uuid4() for _ in changes],
            uuid.uuid4(),
            RIVALS,
            FIELD_CONFLICTS,
            DETAIL,
        )
