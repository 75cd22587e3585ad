"""What a replay has left in the database, and what the model says it must be: both as the same plain values."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from foresync.replay.history import History
from foresync.replay.times import TimeMap
from tests.replay.model import Change, Model, run

Key = tuple[str, str]  # session, record

# what a rerun must not add to; a request is logged each time that it comes
TABLES = (
    "record",
    "sync_log",
    "conflict_resolution",
    "conflict_resolution_log",
    "edit_session_event",
    "applied_change",
    "device",
    "replay_anchor",
    "tenant_conflict_policy",
)


@dataclass(frozen=True)
class State:
    """By change: (outcome, base version, version after, conflicted), the fields that collided, those in the window.
    By record: (version, deleted, data; a deleted record's data is nobody's business)."""

    verdicts: dict[Key, tuple[Any, ...]]
    collided: dict[Key, frozenset[str]]
    near: dict[Key, frozenset[str]]
    records: dict[str, tuple[int, bool, dict[str, str] | None]]


def counts(database_url: str, tenant: str) -> dict[str, int]:
    """Rows by table."""
    found = {}
    with psycopg.connect(database_url) as connection:
        for table in TABLES:
            row = connection.execute(f"select count(*) from sync.{table} where tenant_id = %s", [tenant]).fetchone()
            found[table] = row[0] if row else 0
    return found


def anchor(database_url: str, tenant: str) -> tuple[datetime, dict[str, Any]]:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "select anchor_at, mapping from sync.replay_anchor where tenant_id = %s", [tenant]
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def stored(database_url: str, tenant: str) -> State:
    with psycopg.connect(database_url) as connection:
        log = connection.execute(
            "select sync_session_id, entity_id, outcome, base_version, coalesce(new_version, server_version), "
            "is_conflicted from sync.sync_log where tenant_id = %s",
            [tenant],
        ).fetchall()
        conflicts = connection.execute(
            "select l.sync_session_id, l.entity_id, c.detection, c.field_conflicts::text "
            "from sync.conflict_resolution c join sync.sync_log l "
            "on (l.tenant_id, l.received_at, l.id) = (c.tenant_id, c.event_received_at, c.event_id) "
            "where c.tenant_id = %s and c.status = 'resolved'",
            [tenant],
        ).fetchall()
        records = connection.execute(
            "select entity_id, version, deleted_at is not null, data::text from sync.record where tenant_id = %s",
            [tenant],
        ).fetchall()
    return State(
        verdicts={(session, entity): tuple(rest) for session, entity, *rest in log},
        collided={(s, e): frozenset(json.loads(fields)) for s, e, how, fields in conflicts if how == "version"},
        near={(s, e): frozenset(json.loads(fields)) for s, e, how, fields in conflicts if how == "window"},
        records={e: (version, gone, None if gone else json.loads(data)) for e, version, gone, data in records},
    )


def expected(history: History, times: TimeMap) -> State:
    """What the model makes of the history."""
    model = Model()
    changes = list(run(history, model, times))
    return State(
        verdicts={
            _key(change): (
                change.outcome.status,
                change.base,
                change.outcome.version,
                bool(change.outcome.collided),
            )
            for change in changes
        },
        collided={_key(change): change.outcome.collided for change in changes if change.outcome.collided},
        near={_key(change): change.outcome.near for change in changes if change.outcome.near},
        records={
            entity: (record.version, record.is_deleted, None if record.is_deleted else record.data)
            for (_, entity), record in model.records.items()
            if record.version
        },
    )


def _key(change: Change) -> Key:
    return f"p{change.push.push_id}", f"e{change.edit.entity_id}"
