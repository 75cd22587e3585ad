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
WITH change AS (
  SELECT * FROM unnest($5::text[], $6::text[], $7::int[], $8::jsonb[], $9::jsonb[], $10::bytea[], $11::bool[],
    $12::uuid[])
    WITH ORDINALITY AS c(entity_id, offline_id, base_version, data, field_changes, digest, is_conflicted,
      event_id, n)
), written AS (
  INSERT INTO sync.record AS r (tenant_id, entity_type, entity_id, version, data, field_versions, seq,
    updated_at, updated_by,
                                event_count, conflict_count, first_event_at)
  SELECT $1, 'task', entity_id, 1, data, stamps, 0, $4, $2, 1, 0, $4
  FROM change, jsonb_build_object('version', base_version + 1, 'user', $2::text, 'device', $3::text,
                                  'event_id', event_id, 'event_at', $4::timestamptz,
                                  'edited_at', $4::timestamptz) AS stamp,
       jsonb_build_object('title', stamp, 'description', stamp) AS stamps
  ORDER BY entity_id
  ON CONFLICT (tenant_id, entity_type, entity_id) DO UPDATE
    SET version = r.version + 1, data = r.data || excluded.data, field_versions = r.field_versions ||
      excluded.field_versions,
        updated_at = excluded.updated_at, updated_by = excluded.updated_by, event_count = r.event_count + 1
  RETURNING r.entity_id, r.version
), clock AS (
  UPDATE sync.tenant_clock SET seq = seq + (SELECT count(*) FROM written) WHERE tenant_id = $1 RETURNING seq
), numbered AS (
  SELECT change.*, written.version, clock.seq - (SELECT count(*) FROM written) + change.n AS seq
  FROM change JOIN written USING (entity_id) CROSS JOIN clock
), logged AS (
  INSERT INTO sync.sync_log (tenant_id, received_at, id, seq, sync_id, sync_session_id, user_id, device_id,
    entity_type, entity_id,
                             offline_id, operation, base_version, server_version, new_version, outcome,
                               is_conflicted,
                             field_changes, fields, edited_at_sent, edited_at, network_type)
  SELECT $1, $4, event_id, seq, $13, 's', $2, $3, 'task', entity_id, offline_id, 'update', base_version,
    version - 1, version,
         CASE WHEN is_conflicted THEN 'merged' ELSE 'applied' END, is_conflicted, field_changes,
           ARRAY['title'], $4, $4, 'good'
  FROM numbered
), conflicted AS (
  INSERT INTO sync.conflict_resolution (tenant_id, event_received_at, event_id, entity_type, entity_id,
    user_id, device_id,
                                        reason, detection, severity, resolution_strategy, status, is_auto_resolved,
                                        field_conflicts, client_state, server_state, client_version, server_version,
                                        created_at, resolved_at, changed_seq)
  SELECT $1, $4, event_id, 'task', entity_id, $2, $3, 'stale_version', 'version', 'medium', 'client_wins',
    'resolved', true,
         field_changes, data, data, base_version, version - 1, $4, $4, seq
  FROM numbered WHERE is_conflicted
), answered AS (
  INSERT INTO sync.applied_change (tenant_id, user_id, device_id, entity_type, offline_id, content_sha256, answer)
  SELECT $1, $2, $3, 'task', offline_id, digest, jsonb_build_object('server_id', entity_id, 'new_version',
    version, 'seq', seq)
  FROM numbered
), requested AS (
  INSERT INTO sync.sync_request (tenant_id, received_at, sync_id, sync_session_id, user_id, device_id, status,
    item_count,
                                 applied_count, merged_count, unchanged_count, conflict_count, auto_resolved_count,
                                 rejected_count, replayed_count, bytes_in, bytes_out, duration_ms, seq)
  SELECT $1, $4, $13, 's', $2, $3, 'success', count(*), count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, max(seq) FROM numbered
), active AS (
  INSERT INTO sync.user_activity AS u (tenant_id, user_id, event_count) SELECT $1, $2, count(*) FROM numbered
  ON CONFLICT (tenant_id, user_id) DO UPDATE SET event_count = u.event_count + excluded.event_count
)
SELECT array_agg(entity_id), array_agg(version), array_agg(seq) FROM numbered
"""


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
    fields = orjson.dumps({"title": {"old": None, "new": "x"}}).decode()
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
            [fields] * len(changes),
            [hashlib.sha256(c.data).digest() for c in changes],
            [c.is_conflicted for c in changes],
            [uuid.uuid4() for _ in changes],
            uuid.uuid4(),
        )
