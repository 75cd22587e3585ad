"""What a push reads and writes: two statements, whatever its size. No decision is made here.

Reading locks the records in one order; writing takes the tenant's clock first, so that whatever carries a seq is
committed in the order of its seq, and so that nothing else in the statement can meet another writer of the tenant.
Rows that turn out to exist already (a record or a change that somebody else has just written) are not written;
their number is then short, and the whole transaction is run again.

Every look-up is a LATERAL by the whole key, and locked records are written where they were found (their ctid cannot
move while they are locked): a plan that joins sets instead is a hundred times slower on tables that have grown since
they were last analysed, and a first import is exactly that.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson

from sync_api.db.session import Connection, Raced
from sync_api.engine.values import Stamp
from sync_api.push.rows import Writes

ChangeKey = tuple[str, str, str, str]  # user, device, entity type, offline_id
RecordKey = tuple[str, str]  # entity type, entity id
BaseKey = tuple[str, str, str, int]  # entity type, entity id, field, version

LOCK = re.compile(r"FOR (NO KEY UPDATE|SHARE)")

READ = """
WITH locked AS MATERIALIZED (
  SELECT r.* FROM unnest($2::sync.record_key[]) AS k
  CROSS JOIN LATERAL (
    SELECT r.entity_type, r.entity_id, r.ctid AS place, r.version, r.data::text AS data,
      r.field_versions::text AS stamps, r.deleted_at IS NOT NULL AS is_deleted, r.project_id,
      r.last_events::text AS last_events, (
        SELECT string_agg(e.user_id, E'\\x1f') FROM sync.edit_session_event AS e
        WHERE e.tenant_id = $1 AND e.entity_type = k.entity_type AND e.entity_id = k.entity_id
          AND e.expires_at > now() AND e.event <> 'closed'
          AND NOT EXISTS (SELECT FROM sync.edit_session_event AS newer
                          WHERE newer.tenant_id = $1 AND newer.edit_id = e.edit_id AND newer.seq > e.seq)
      ) AS editing
    FROM sync.record AS r
    WHERE r.tenant_id = $1 AND r.entity_type = k.entity_type AND r.entity_id = k.entity_id
    FOR NO KEY UPDATE
  ) AS r
), stored AS MATERIALIZED (
  SELECT k.*, a.*
  FROM unnest($3::sync.change_key[]) AS k
  CROSS JOIN LATERAL (
    SELECT a.content_sha256, a.answer FROM sync.applied_change AS a
    WHERE a.tenant_id = $1 AND a.user_id = k.user_id AND a.device_id = k.device_id
      AND a.entity_type = k.entity_type AND a.offline_id = k.offline_id
    OFFSET 0
  ) AS a
), owners AS MATERIALIZED (
  SELECT k.device_id, d.user_id FROM unnest($4::text[]) AS k (device_id)
  CROSS JOIN LATERAL (
    SELECT d.user_id FROM sync.device AS d WHERE d.tenant_id = $1 AND d.device_id = k.device_id OFFSET 0
  ) AS d
)
SELECT t.config_version, l.*, s.*, o.*
FROM (SELECT max(config_version) AS config_version FROM sync.tenant WHERE tenant_id = $1) AS t,
  (SELECT array_agg(entity_type), array_agg(entity_id), array_agg(place), array_agg(version), array_agg(data),
     array_agg(stamps), array_agg(is_deleted), array_agg(project_id), array_agg(last_events), array_agg(editing)
     FROM locked)
     AS l (types, ids, places, versions, data, stamps, deleted, projects, last_events, editing),
  (SELECT array_agg(user_id), array_agg(device_id), array_agg(entity_type), array_agg(offline_id),
     array_agg(content_sha256), array_agg(answer) FROM stored)
     AS s (users, devices, entities, offline_ids, hashes, answers),
  (SELECT array_agg(device_id), array_agg(user_id) FROM owners) AS o (owned, owners)
"""

# What guards ask for; shared, so that nobody changes it before this transaction ends.
RELATED = """
SELECT r.* FROM unnest($2::sync.record_key[]) AS k
CROSS JOIN LATERAL (
  SELECT r.entity_type, r.entity_id, r.ctid, r.version, r.data::text, r.field_versions::text, r.deleted_at IS NOT NULL,
    r.project_id
  FROM sync.record AS r WHERE r.tenant_id = $1 AND r.entity_type = k.entity_type AND r.entity_id = k.entity_id
  FOR SHARE
) AS r
"""

# Who may write where; shared, so that a revocation waits for this transaction and the next one knows of it.
MEMBERS = """
SELECT user_id, project_id FROM sync.project_member
WHERE tenant_id = $1 AND user_id = ANY ($2) AND project_id = ANY ($3) AND revoked_at IS NULL
FOR SHARE
"""

# Each field's value at the version that a client had: what the first later change replaced. Where that change is the
# very next version, its stamp names the event, and no search is needed.
NEXT_EVENTS = """
SELECT k.entity_type, k.entity_id, k.field, k.version, old.value::text
FROM unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[], $7::uuid[])
  AS k (entity_type, entity_id, field, version, received_at, event_id)
CROSS JOIN LATERAL (
  SELECT l.field_changes -> k.field -> 'old' AS value FROM sync.sync_log AS l
  WHERE l.tenant_id = $1 AND l.received_at = k.received_at AND l.id = k.event_id AND l.field_changes ? k.field
  OFFSET 0
) AS old
"""

# Otherwise the bounds in time keep it to the few months in which that can have been.
BASES = """
SELECT k.entity_type, k.entity_id, k.field, k.version, old.value::text
FROM unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[], $7::timestamptz[])
  AS k (entity_type, entity_id, field, version, after, until)
CROSS JOIN LATERAL (
  SELECT l.field_changes -> k.field -> 'old' AS value FROM sync.sync_log AS l
  WHERE l.tenant_id = $1 AND l.entity_type = k.entity_type AND l.entity_id = k.entity_id
    AND l.received_at BETWEEN k.after AND k.until AND l.new_version > k.version AND l.field_changes ? k.field
  ORDER BY l.new_version LIMIT 1
) AS old
"""

WRITE = """
WITH clock AS (
  UPDATE sync.tenant_clock SET seq = seq + $2 WHERE tenant_id = $1 RETURNING seq - $2 AS start
), rec AS MATERIALIZED (
  SELECT * FROM unnest($3::sync.record_write[])
), born AS (
  INSERT INTO sync.record (tenant_id, entity_type, entity_id, project_id, version, data, field_versions, seq,
    deleted_at, updated_at, updated_by, event_count, conflict_count, first_event_at, updated_device,
    last_events)
  SELECT $1, r.entity_type, r.entity_id, r.project_id, r.version, r.data, r.stamps, clock.start + r.ord,
    r.deleted_at, r.updated_at, r.updated_by, r.events, r.conflicts, r.updated_at, r.updated_device,
    r.last_events
  FROM rec AS r, clock WHERE r.expected = 0
  ON CONFLICT DO NOTHING RETURNING 1
), changed AS (
  UPDATE sync.record AS t SET
    project_id = r.project_id, version = r.version,
    data = CASE WHEN r.replaces THEN r.data ELSE t.data || r.data END,
    field_versions = t.field_versions || r.stamps, seq = coalesce(clock.start + r.ord, t.seq),
    deleted_at = CASE WHEN r.ord IS NULL THEN t.deleted_at ELSE r.deleted_at END,
    updated_at = coalesce(r.updated_at, t.updated_at),
    updated_by = coalesce(r.updated_by, t.updated_by),
    updated_device = coalesce(r.updated_device, t.updated_device), event_count = t.event_count + r.events,
    conflict_count = t.conflict_count + r.conflicts, last_events = r.last_events
  FROM rec AS r, clock
  WHERE t.ctid = r.place AND t.tenant_id = $1 AND t.version = r.expected
  RETURNING t.entity_type, t.entity_id, t.seq, t.project_id, old.project_id AS left_project_id
), moved AS (
  INSERT INTO sync.access_change (tenant_id, project_id, user_id, entity_type, entity_id, seq)
  SELECT $1, coalesce(left_project_id, ''), '', entity_type, entity_id, seq FROM changed
  WHERE left_project_id IS DISTINCT FROM project_id
  ON CONFLICT (tenant_id, project_id, user_id, entity_type, entity_id) DO UPDATE SET seq = excluded.seq
), logged AS (
  INSERT INTO sync.sync_log (tenant_id, received_at, id, seq, sync_id, sync_session_id, user_id, device_id,
    entity_type, entity_id, project_id, offline_id, operation, base_version, server_version, new_version, outcome,
    is_conflicted, field_changes, fields, edited_at_sent, edited_at, network_type, device_metadata, edit_id,
    prediction_id, concurrent_editors, hours_since_last_sync)
  SELECT $1, l.received_at, l.id, clock.start + l.ord, l.sync_id, l.sync_session_id, l.user_id, l.device_id,
    l.entity_type, l.entity_id, l.project_id, l.offline_id, l.operation, l.base_version, l.server_version,
    l.new_version, l.outcome, l.is_conflicted, l.field_changes, string_to_array(l.fields, E'\\x1f'),
    l.edited_at_sent, l.edited_at, l.network_type, l.device_metadata, l.edit_id, l.prediction_id,
    l.concurrent_editors, l.hours_since_last_sync
  FROM clock, unnest($4::sync.log_write[]) AS l
), answered AS (
  INSERT INTO sync.applied_change (tenant_id, user_id, device_id, entity_type, offline_id, content_sha256, answer)
  SELECT $1, a.* FROM clock, unnest($5::sync.answer_write[]) AS a
  ON CONFLICT DO NOTHING RETURNING 1
), active AS (
  INSERT INTO sync.user_activity AS u (tenant_id, user_id, event_count, conflict_count)
  SELECT $1, a.* FROM clock, unnest($6::text[], $7::bigint[], $8::bigint[]) AS a (user_id, events, conflicts)
  ON CONFLICT (tenant_id, user_id) DO UPDATE SET event_count = u.event_count + excluded.event_count,
    conflict_count = u.conflict_count + excluded.conflict_count
), seen AS (
  INSERT INTO sync.device AS d (tenant_id, device_id, user_id, metadata, first_seen_at, last_seen_at)
  SELECT $1, s.device_id, s.user_id, s.metadata::jsonb, s.seen_at, s.seen_at
  FROM clock, unnest($9::text[], $10::text[], $11::text[], $12::timestamptz[])
    AS s (device_id, user_id, metadata, seen_at)
  ON CONFLICT (tenant_id, device_id) DO UPDATE SET last_seen_at = greatest(d.last_seen_at, excluded.last_seen_at),
    metadata = CASE WHEN excluded.metadata = '{}' THEN d.metadata ELSE excluded.metadata END
  WHERE d.user_id = excluded.user_id
  RETURNING 1
), requested AS (
  INSERT INTO sync.sync_request SELECT r.* FROM clock, jsonb_populate_recordset(NULL::sync.sync_request, $13) AS p,
    LATERAL jsonb_populate_record(p, jsonb_build_object('seq', clock.start + p.seq)) AS r
), conflicted AS (
  INSERT INTO sync.conflict_resolution SELECT r.* FROM clock,
    jsonb_populate_recordset(NULL::sync.conflict_resolution, $14) AS p,
    LATERAL jsonb_populate_record(p, jsonb_build_object('changed_seq', clock.start + p.changed_seq)) AS r
), decided AS (
  INSERT INTO sync.conflict_resolution_log
  SELECT p.* FROM clock, jsonb_populate_recordset(NULL::sync.conflict_resolution_log, $15) AS p
), closed AS (
  INSERT INTO sync.edit_session_event (tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type, entity_id,
    base_version, fields, received_at, expires_at)
  SELECT $1, uuidv7(), clock.start + p.ord, p.edit_id, 'closed', e.user_id, e.device_id, e.entity_type, e.entity_id,
    e.base_version, e.fields, p.pushed_at, p.pushed_at
  FROM clock, unnest($16::uuid[], $17::text[], $18::timestamptz[], $19::bigint[])
    AS p (edit_id, user_id, pushed_at, ord)
  CROSS JOIN LATERAL (
    SELECT e.* FROM sync.edit_session_event AS e
    WHERE e.tenant_id = $1 AND e.edit_id = p.edit_id ORDER BY e.seq DESC LIMIT 1
  ) AS e
  WHERE e.event <> 'closed' AND e.user_id = p.user_id
)
SELECT clock.start, (SELECT count(*) FROM born) + (SELECT count(*) FROM changed) AS records,
  (SELECT count(*) FROM answered) AS answers, (SELECT count(*) FROM seen) AS devices
FROM clock
"""


# The same, as they stand, for who only looks. OFFSET 0 keeps each look-up one by the whole key, as the lock does.
UNLOCKED = {text: LOCK.sub("OFFSET 0", text) for text in (READ, RELATED, MEMBERS)}

LOADED = ("places", "versions", "data", "stamps", "deleted", "projects", "last_events", "editing")


class Replaced(NamedTuple):
    """When a value that a client knew was replaced: the first and the last moment at which that can have been.
    stamp: of the event that did it, where it is known."""

    after: datetime
    until: datetime
    stamp: Stamp | None


@dataclass(frozen=True, slots=True)
class LoadedRecord:
    """A record as it is stored; data and stamps still as JSON text."""

    place: tuple[int, int]  # ctid
    version: int
    data: str
    stamps: str
    is_deleted: bool
    project_id: str | None
    last_events: str = "{}"
    editing: str | None = None  # who has it open, joined by U+001F


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a push found: locked records, answers given before, who owns the devices. config_version None: no tenant."""

    config_version: int | None
    records: dict[RecordKey, LoadedRecord]
    answers: dict[ChangeKey, tuple[bytes, str]]
    owners: dict[str, str]


async def read(
    connection: Connection,
    tenant: str,
    records: Iterable[RecordKey],
    changes: Sequence[ChangeKey],
    devices: Iterable[str],
    *,
    locks: bool = True,
) -> Snapshot:
    """Lock and read everything that deciding needs. Without locks it waits for nobody, here and below."""
    row = await connection.fetchrow(_either(READ, locks), tenant, sorted(set(records)), changes, sorted(set(devices)))
    assert row is not None
    found = zip(*(row[column] or () for column in LOADED), strict=True)
    keys = zip(row["types"] or (), row["ids"] or (), strict=True)
    names = zip(*(row[c] or () for c in ("users", "devices", "entities", "offline_ids")), strict=True)
    answers = zip(row["hashes"] or (), row["answers"] or (), strict=True)
    return Snapshot(
        row["config_version"],
        {key: LoadedRecord(*values) for key, values in zip(keys, found, strict=True)},
        dict(zip(names, answers, strict=True)),
        dict(zip(row["owned"] or (), row["owners"] or (), strict=True)),
    )


async def members(
    connection: Connection, tenant: str, users: Iterable[str], projects: Iterable[str], *, locks: bool = True
) -> frozenset[tuple[str, str]]:
    """Which of the users are members of which of the projects."""
    rows = await connection.fetch(_either(MEMBERS, locks), tenant, sorted(set(users)), sorted(set(projects)))
    return frozenset((row[0], row[1]) for row in rows)


async def related(
    connection: Connection, tenant: str, records: Iterable[RecordKey], *, locks: bool = True
) -> dict[RecordKey, LoadedRecord]:
    """The records that guards ask for."""
    rows = await connection.fetch(_either(RELATED, locks), tenant, sorted(set(records)))
    return {(row[0], row[1]): LoadedRecord(*row[2:]) for row in rows}


async def bases(connection: Connection, tenant: str, wanted: Mapping[BaseKey, Replaced]) -> dict[BaseKey, Any]:
    """Each field's value at the version that a client had, where history tells."""
    found: dict[BaseKey, Any] = {}
    following = [
        (*key, datetime.fromisoformat(one.stamp["event_at"]), one.stamp["event_id"])
        for key, one in wanted.items()
        if one.stamp
    ]
    if following:
        found |= _values(await connection.fetch(NEXT_EVENTS, tenant, *_columns(following, 6)))
    searched = [(*key, one.after, one.until) for key, one in wanted.items() if key not in found]
    if searched:
        found |= _values(await connection.fetch(BASES, tenant, *_columns(searched, 6)))
    return found


def _values(rows: Iterable[asyncpg.Record]) -> dict[BaseKey, Any]:
    return {(r[0], r[1], r[2], r[3]): orjson.loads(r[4]) if r[4] is not None else None for r in rows}


async def write(connection: Connection, tenant: str, writes: Writes) -> None:
    """Write everything that was decided. Raced when somebody else was first."""
    row = await connection.fetchrow(WRITE, tenant, writes.length, *writes.arguments())
    if row is None:
        raise RuntimeError(f"tenant {tenant!r} has no clock")
    written = (row["records"], row["answers"], row["devices"])
    if written != (len(writes.records), len(writes.answers), len(writes.devices)):
        raise Raced


def _either(statement: str, locks: bool) -> str:
    return statement if locks else UNLOCKED[statement]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
