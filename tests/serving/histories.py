"""Random small histories: written to PostgreSQL, and kept as plain rows for a reference that reads the definitions."""

import math
import random
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

import asyncpg

from serving.features import Edit

USERS = ("ann", "bob", "cid", "dot")
RECORDS = (("task", "t1"), ("task", "t2"), ("ticket", "t1"), ("asset", "seldom"))
FIELDS = tuple("abcdefgh")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class Event:
    seq: int
    user: str
    record: tuple[str, str]
    outcome: str
    is_conflicted: bool
    fields: tuple[str, ...]
    received_at: datetime
    operation: str
    new_version: int | None
    edited_at: datetime

    @property
    def push(self) -> uuid.UUID:
        """What a user sends at one instant is one push."""
        return uuid.uuid5(uuid.NAMESPACE_OID, f"{self.received_at}/{self.user}")

    @property
    def is_timed(self) -> bool:
        """An event that was edited before it was received."""
        return self.outcome != "unchanged" and self.edited_at < self.received_at


@dataclass(frozen=True)
class Presence:
    seq: int
    edit_id: uuid.UUID
    event: str
    user: str
    device: str
    record: tuple[str, str]
    base_version: int | None
    fields: tuple[str, ...]
    received_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class History:
    events: tuple[Event, ...]
    presence: tuple[Presence, ...]


def random_history(seed: int, now: datetime) -> History:
    """Up to 400 events over up to two years, newest last, and edits opened, renewed, closed or left to expire."""
    draw = random.Random(seed)
    longest = draw.choice([20 * MINUTE, 3 * DAY, 60 * DAY, 700 * DAY])
    ages = sorted((longest * draw.random() ** 3 for _ in range(draw.choice([5, 60, 400]))), reverse=True)
    versions = dict.fromkeys(RECORDS, 0)
    # whole seconds: many share one, as rows of one push do
    times = [now - timedelta(seconds=int(age.total_seconds())) for age in ages]
    events = tuple(_event(draw, place, received_at, versions) for place, received_at in enumerate(times))
    return History(events, tuple(_presence(draw, now, versions)))


def _event(draw: random.Random, place: int, received_at: datetime, versions: dict[tuple[str, str], int]) -> Event:
    record = draw.choices(RECORDS, weights=[60, 20, 19, 1])[0]
    outcome = draw.choice(["applied", "applied", "merged", "unchanged", "conflict"])
    is_written = outcome == "applied" or (outcome == "merged" and draw.random() < 0.8)
    versions[record] += is_written
    return Event(
        seq=2 * place + 1,
        user=draw.choice(USERS),
        record=record,
        outcome=outcome,
        is_conflicted=draw.random() < 0.3,
        fields=tuple(draw.sample(FIELDS, draw.randint(0, 3))),
        received_at=received_at,
        operation="delete" if draw.random() < 0.05 else "update",
        new_version=versions[record] if is_written else None,
        edited_at=received_at - timedelta(seconds=draw.choice([0, 30, 600, 1e5])),
    )


def _presence(draw: random.Random, now: datetime, versions: dict[tuple[str, str], int]) -> list[Presence]:
    rows = []
    for number in range(draw.randint(0, 12)):
        edit_id, user, record = uuid.UUID(int=draw.getrandbits(128)), draw.choice(USERS), draw.choice(RECORDS)
        device, base = draw.choice("de"), draw.choice([None, max(0, versions[record] - draw.choice([0, 1, 2]))])
        for step in range(draw.randint(1, 3)):
            event = "opened" if step == 0 else draw.choice(["renewed", "fields", "closed"])
            expires_at = now + draw.choice([-60, -1, 60, 90]) * MINUTE
            fields = tuple(draw.sample(FIELDS, draw.randint(0, 2)))
            received_at = now - draw.choice([1, 60, 5000]) * (4 - step) * MINUTE
            seq = 10_000 + 10 * number + step
            rows.append(Presence(seq, edit_id, event, user, device, record, base, fields, received_at, expires_at))
    return rows


async def write(db: asyncpg.Connection, tenant: str, history: History) -> None:
    """The history as the sync API would have left it, counters included: those that the migration makes of a log are
    held equal to the API's own elsewhere."""
    for month in {event.received_at.replace(day=15) for event in history.events[: len(history.events) // 2]}:
        await db.execute("SELECT sync.ensure_month($1)", month)  # the rest lies in the default partition
    await db.executemany(
        """INSERT INTO sync.sync_log (tenant_id, received_at, seq, sync_id, sync_session_id, user_id, device_id,
             entity_type, entity_id, offline_id, operation, server_version, outcome, is_conflicted, fields, edited_at,
             new_version)
           VALUES ($1, $2, $3, $13, 's', $4, 'd', $5, $6, 'o', $10, 0, $7, $8, $9, $12, $11)""",
        [
            (
                tenant,
                e.received_at,
                e.seq,
                e.user,
                *e.record,
                e.outcome,
                e.is_conflicted,
                list(e.fields),
                e.operation,
                e.new_version,
                e.edited_at,
                e.push,
            )
            for e in history.events
        ],
    )
    await db.executemany(
        """INSERT INTO sync.edit_session_event (tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type,
             entity_id, base_version, fields, received_at, expires_at)
           VALUES ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)""",
        [
            (
                tenant,
                p.seq,
                p.edit_id,
                p.event,
                p.user,
                p.device,
                *p.record,
                p.base_version,
                list(p.fields),
                p.received_at,
                p.expires_at,
            )
            for p in history.presence
        ],
    )
    await db.execute(COUNTERS.format(tenant=tenant))
    for statement in HISTORIES.BACKFILL:
        await db.execute(
            statement.replace("FROM sync.sync_log WHERE", f"FROM sync.sync_log WHERE tenant_id = '{tenant}' AND")
        )


HISTORIES = import_module("sync_api.db.migrations.versions.0022_features_of_histories")
COUNTERS = """
INSERT INTO sync.tenant_clock (tenant_id, seq) VALUES ('{tenant}', 20000);
INSERT INTO sync.record (tenant_id, entity_type, entity_id, version, data, seq, updated_at, updated_by, event_count,
  conflict_count, first_event_at)
SELECT tenant_id, entity_type, entity_id, coalesce(max(new_version), 0), '{{}}', max(seq), max(received_at), 'u',
  count(*), count(*) FILTER (WHERE is_conflicted), min(received_at)
FROM sync.sync_log WHERE tenant_id = '{tenant}' AND outcome <> 'unchanged' GROUP BY 1, 2, 3;
INSERT INTO sync.user_activity (tenant_id, user_id, event_count, conflict_count)
SELECT tenant_id, user_id, count(*), count(*) FILTER (WHERE is_conflicted)
FROM sync.sync_log WHERE tenant_id = '{tenant}' AND outcome <> 'unchanged' GROUP BY 1, 2;
"""


def expected(history: History, edit: Edit, at: datetime) -> dict[str, float]:
    """The features, word for word from their definitions."""
    record = (edit.entity_type, edit.entity_id)
    five = _first_five(history, edit.user_id, record, edit.fields, at)
    known = _behind(history, edit, record, at) | _open_edits(history, edit, record, at)
    return five | known | _histories(history, edit, record, at)


def _first_five(
    history: History, user: str, record: tuple[str, str], fields: Sequence[str], at: datetime
) -> dict[str, float]:
    events = [e for e in history.events if e.outcome in ("applied", "merged", "conflict")]
    here = [e for e in events if e.record == record]
    mine, mine_here = [e for e in events if e.user == user], [e for e in here if e.user == user]
    age = (at - min(e.received_at for e in here)) / DAY if here else 0.0
    since = (at - max(e.received_at for e in mine_here)) / timedelta(hours=1) if mine_here else 168.0
    recent = {e.user for e in here if at - 5 * MINUTE < e.received_at < at}
    return {
        "concurrent_editors": float(len((recent | _editing(history, record, at)) - {user})),
        "hours_since_last_sync": min(168.0, since),
        "user_conflict_rate": 100.0 * sum(e.is_conflicted for e in mine) / len(mine) if mine else 0.0,
        "entity_edit_frequency": len(here) / max(1.0, age),
        "field_overlap_score": _overlap(events, here, user, record[0], fields),
    }


def _editing(history: History, record: tuple[str, str], at: datetime) -> set[str]:
    return {p.user for p in _open(history, record, at)}


def _open(history: History, record: tuple[str, str], at: datetime) -> list[Presence]:
    newest = {p.edit_id: p for p in sorted(history.presence, key=lambda p: p.seq)}
    return [p for p in newest.values() if p.record == record and p.event != "closed" and p.expires_at > at]


def _behind(history: History, edit: Edit, record: tuple[str, str], at: datetime) -> dict[str, float]:
    base = math.inf if edit.base_version is None else edit.base_version
    missed = [e for e in history.events if e.record == record and e.new_version is not None and e.new_version > base]
    behind = {f for f in edit.fields if any(f in e.fields or e.operation == "delete" for e in missed)}
    return {
        "is_announced": float(bool(edit.fields) or edit.base_version is not None),
        "versions_behind": float(len(missed)),
        "fields_behind": float(len(behind)),
        "fields_behind_share": len(behind) / len(set(edit.fields)) if edit.fields else 0.0,
        "hours_behind": (at - missed[0].received_at) / timedelta(hours=1) if missed else 0.0,
    }


def _open_edits(history: History, edit: Edit, record: tuple[str, str], at: datetime) -> dict[str, float]:
    others = [
        p
        for p in _open(history, record, at)
        if p.edit_id != edit.edit_id
        and (p.user != edit.user_id or (edit.device_id is not None and p.device != edit.device_id))
    ]
    sharing = [p for p in others if set(p.fields) & set(edit.fields)]
    began = [next(first for first in history.presence if first.edit_id == p.edit_id).received_at for p in sharing]
    return {
        "open_edits": float(len(others)),
        "open_edits_same_user": float(sum(p.user == edit.user_id for p in others)),
        "open_overlap_recent": sum(math.exp(-((at - start) / timedelta(hours=72))) for start in began),
        "open_fields_shared": float(len({f for p in sharing for f in p.fields} & set(edit.fields))),
        "open_same_base": float(sum(p.base_version == edit.base_version is not None for p in others)),
    }


def _histories(history: History, edit: Edit, record: tuple[str, str], at: datetime) -> dict[str, float]:
    here = [e for e in history.events if e.record == record and e.outcome != "unchanged"]
    timed = [e for e in history.events if e.is_timed]
    of_type = [e for e in timed if e.record[0] == edit.entity_type]
    by_push: dict[tuple[datetime, str], list[Event]] = defaultdict(list)
    for e in timed:
        by_push[e.received_at, e.user].append(e)
    pushes = sorted(by_push.values(), key=lambda push: push[-1].seq)
    mine = [push for push in pushes if push[0].user == edit.user_id]
    g = (sum(e.is_conflicted for e in timed) + 1) / (len(timed) + 50)
    h = (_conflicted(pushes) + 1) / (len(pushes) + 20)
    m = sum(map(_open_log, pushes[-200:])) / len(pushes[-200:]) if pushes else math.log(86_400)
    return {
        "record_conflicts_180d": min(
            100.0, sum(e.is_conflicted for e in here if e.is_timed and e.received_at > at - 180 * DAY)
        ),
        "record_events_90d": min(100.0, sum(e.received_at > at - 90 * DAY for e in here)),
        "type_conflict_rate": (sum(e.is_conflicted for e in of_type) + 20 * g) / (len(of_type) + 20),
        "tenant_conflict_share": (_conflicted(pushes[-200:]) + 1) / (len(pushes[-200:]) + 20),
        "user_push_conflict_rate": (_conflicted(mine) + 5 * h) / (len(mine) + 5),
        "user_open_log_seconds": (sum(map(_open_log, mine)) + 5 * m) / (len(mine) + 5),
        "edit_age_hours": _age(history, edit, at),
        "records_open": 1.0,
    }


def _conflicted(pushes: list[list[Event]]) -> int:
    return sum(any(e.is_conflicted for e in push) for push in pushes)


def _open_log(push: list[Event]) -> float:
    return math.log(max(60.0, max((e.received_at - e.edited_at).total_seconds() for e in push)))


def _age(history: History, edit: Edit, at: datetime) -> float:
    words = [
        p.received_at
        for p in history.presence
        if (p.edit_id, p.user, p.record) == (edit.edit_id, edit.user_id, (edit.entity_type, edit.entity_id))
    ]
    seconds = (at - words[0]).total_seconds() if words else 0.0
    return (seconds if edit.age_seconds is None else edit.age_seconds) / 3600


def _overlap(events: list[Event], here: list[Event], user: str, entity_type: str, fields: Sequence[str]) -> float:
    others = _last([e for e in here if e.user != user], 20)
    of_type = _last([e for e in events if e.record[0] == entity_type], 200)
    missed = 1.0
    for field in {name for e in others for name in e.fields}:
        q = sum(field in e.fields for e in others) / len(others)
        p = float(field in fields) if fields else sum(field in e.fields for e in of_type) / len(of_type)
        missed *= 1.0 - p * q
    return 1.0 - missed


def _last(events: list[Event], number: int) -> list[Event]:
    return sorted(events, key=lambda e: (e.received_at, e.seq))[-number:]
