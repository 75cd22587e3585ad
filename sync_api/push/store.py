"""What a push reads and writes: one call each, whatever its size, of functions that the migrations make. No decision is
made here.

Writing locks the records in one order and the tenant's clock after them, so that whatever carries a seq is committed in
the order of its seq. Where a record is no longer what was read, or a row turns out to exist already (a record or a
change that somebody else has just written), nothing is written, and the push is taken again from the start.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson
from msgspec import Struct

from sync_api.db.session import Connection, Raced, Unbegun
from sync_api.engine.values import Stamp
from sync_api.push.prepare import ChangeKey, RecordKey
from sync_api.push.rows import Writes

BaseKey = tuple[str, str, str, int]  # entity type, entity id, field, version

READ = "SELECT * FROM sync.push_read($1, $2, $3, $4, $5)"

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
REPLACED = "SELECT * FROM sync.push_replaced($1, $2, $3, $4)"

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

WRITE = """SELECT sync.push_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
  $20, $21, $22, $23, $24, $25, $26, $27, $28)"""

# The same, as they stand, for who only looks. OFFSET 0 keeps each look-up one by the whole key, as the lock does.
UNLOCKED = {text: text.replace("FOR SHARE", "OFFSET 0") for text in (RELATED, MEMBERS)}

LOADED = ("places", "versions", "data", "stamps", "deleted", "projects", "last_events", "writers")
OPEN = ("open_types", "open_ids", "editing")
ANSWERED = ("answered_users", "answered_devices", "answered_types", "answered_ids")


class Replaced(NamedTuple):
    """When a value that a client knew was replaced: the first and the last moment at which that can have been.
    stamp: of the event that did it, where it is known."""

    after: datetime
    until: datetime
    stamp: Stamp | None


class LoadedRecord(Struct, frozen=True, gc=False):
    """A record as it is stored; data and stamps still as JSON text."""

    place: tuple[int, int]  # ctid
    version: int
    data: str
    stamps: str
    is_deleted: bool
    project_id: str | None
    last_events: str = "{}"
    writer: int | None = None  # the transaction that wrote this row; None: it is not to be written
    editing: Sequence[str] = ()  # who has it open


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a push found: locked records, answers given before, who owns the devices. config_version None: no tenant."""

    config_version: int | None
    records: dict[RecordKey, LoadedRecord]
    answers: dict[ChangeKey, tuple[bytes, str]]
    owners: dict[str, str]


async def read(
    connection: Connection | Unbegun,
    tenant: str,
    records: Iterable[RecordKey],
    changes: Sequence[ChangeKey],
    devices: Iterable[str],
    *,
    locks: bool = True,
) -> Snapshot:
    """Lock and read everything that deciding needs. Without locks it waits for nobody, here and below."""
    wanted: dict[str, list[str]] = {}
    for entity_type, entity_id in sorted(set(records)):  # the order in which they are locked
        wanted.setdefault(entity_type, []).append(entity_id)
    row = await connection.fetchrow(READ, tenant, orjson.dumps(wanted).decode(), changes, sorted(set(devices)), locks)
    assert row is not None
    editing: dict[RecordKey, list[str]] = {}
    for entity_type, entity_id, user in zip(*(row[column] or () for column in OPEN), strict=True):
        editing.setdefault((entity_type, entity_id), []).append(user)
    keys = list(zip(row["types"] or (), row["ids"] or (), strict=True))
    opened = [editing.get(key, ()) for key in keys]
    found = zip(*(row[column] or () for column in LOADED), opened, strict=True)
    names = zip(*(row[column] or () for column in ANSWERED), strict=True)
    answers = zip(row["hashes"] or (), row["answers"] or (), strict=True)
    return Snapshot(
        row["config_version"],
        {key: LoadedRecord(*values) for key, values in zip(keys, found, strict=True)},
        dict(zip(names, answers, strict=True)),
        dict(zip(row["owned"] or (), row["owners"] or (), strict=True)),
    )


async def members(
    connection: Connection | Unbegun, tenant: str, users: Iterable[str], projects: Iterable[str], *, locks: bool = True
) -> frozenset[tuple[str, str]]:
    """Which of the users are members of which of the projects."""
    rows = await connection.fetch(_either(MEMBERS, locks), tenant, sorted(set(users)), sorted(set(projects)))
    return frozenset((row[0], row[1]) for row in rows)


async def related(
    connection: Connection | Unbegun, tenant: str, records: Iterable[RecordKey], *, locks: bool = True
) -> dict[RecordKey, LoadedRecord]:
    """The records that guards ask for."""
    rows = await connection.fetch(_either(RELATED, locks), tenant, sorted(set(records)))
    return {(row[0], row[1]): LoadedRecord(*row[2:]) for row in rows}


async def bases(
    connection: Connection | Unbegun, tenant: str, wanted: Mapping[BaseKey, Replaced]
) -> dict[BaseKey, Any]:
    """Each field's value at the version that a client had, where history tells."""
    found: dict[BaseKey, Any] = {}
    following = [(key, one.stamp) for key, one in wanted.items() if one.stamp]
    if following:
        fields = [key[2] for key, _ in following]
        times = [datetime.fromisoformat(stamp["event_at"]) for _, stamp in following]
        row = await connection.fetchrow(REPLACED, tenant, fields, times, [stamp["event_id"] for _, stamp in following])
        assert row is not None
        for number, value in zip(row["numbers"] or (), row["replaced"] or (), strict=True):
            found[following[number - 1][0]] = orjson.loads(value) if value is not None else None
    searched = [(*key, one.after, one.until) for key, one in wanted.items() if key not in found]
    if searched:
        found |= _values(await connection.fetch(BASES, tenant, *_columns(searched, 6)))
    return found


def _values(rows: Iterable[asyncpg.Record]) -> dict[BaseKey, Any]:
    return {(r[0], r[1], r[2], r[3]): orjson.loads(r[4]) if r[4] is not None else None for r in rows}


async def write(connection: Connection | Unbegun, tenant: str, writes: Writes) -> None:
    """Write everything that was decided. Raced or SerializationError, and nothing written, when somebody else was
    first."""
    try:
        await connection.fetchrow(WRITE, tenant, writes.length, *writes.arguments())
    except asyncpg.UniqueViolationError as error:  # a record or an answer that we did not find is there by now
        raise Raced from error


def _either(statement: str, locks: bool) -> str:
    return statement if locks else UNLOCKED[statement]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
