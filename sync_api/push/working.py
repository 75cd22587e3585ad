"""A record while a transaction works on it: its state, what is new about it, and the chains of the pushes."""

from datetime import datetime
from typing import Any

import orjson
from msgspec import Struct, field

from sync_api.engine.apply import apply, fields
from sync_api.engine.membership import PROJECT, project_of
from sync_api.engine.values import DELETED, Decision, Json, Record, Stamp
from sync_api.push.prepare import Sender
from sync_api.push.presence import Presence
from sync_api.push.rows import ChangeRow
from sync_api.push.store import LoadedRecord


class Chain(Struct, gc=False):
    """The changes of one push to one record. start: the version that the push found. blocked: fields that wait for a
    person or for a correction."""

    start: int
    blocked: set[str] = set()
    is_all_blocked: bool = False

    def block(self, fields: Any, *, whole: bool) -> None:
        self.blocked.update(fields)
        self.is_all_blocked = self.is_all_blocked or whole

    def blocks(self, fields: Any, *, whole: bool) -> bool:
        if self.is_all_blocked:
            return True
        return bool(self.blocked) and (whole or not self.blocked.isdisjoint(fields))


class Working(Record, gc=False):
    """A record in memory. past: (version, {field: {old, new}}) of what this transaction has written."""

    entity_type: str = ""
    entity_id: str = ""
    expected: int = 0
    place: tuple[int, int] | None = None
    writer: int | None = None
    size: int = 0
    project_id: str | None = None
    patch: dict[str, Json] = field(default_factory=dict)
    fresh: dict[str, Stamp] = field(default_factory=dict)
    replaces: bool = False
    last: ChangeRow | None = None  # of the last logged change that wrote it, if any has
    events: int = 0
    conflicts: int = 0
    first: int | None = None  # whose push was the earliest of those events, by number
    first_event_at: datetime | None = None
    presence: Presence = field(default_factory=Presence)
    past: list[tuple[int, dict[str, dict[str, Json]]]] = field(default_factory=list)
    chains: dict[str, Chain] = field(default_factory=dict)

    def chain(self, sync_id: str) -> Chain:
        """The chain of a push, begun when it first meets the record."""
        chain = self.chains.get(sync_id)
        if chain is None:
            chain = self.chains[sync_id] = Chain(self.version)
        return chain

    def write(self, decision: Decision, stamp: Stamp) -> dict[str, dict[str, Json]]:
        """Put a decision into effect; answers {field: {old, new}}."""
        before = self.data
        changes = {name: {"old": before.get(name), "new": value} for name, value in decision.writes.items()}
        if DELETED in changes:
            changes[DELETED]["old"] = self.is_deleted
        if decision.replaces:  # what falls away is a change too: history must tell what it was
            gone = {name: {"old": old, "new": None} for name, old in self.data.items() if old is not None}
            changes = gone | changes
        self.past.append((stamp["version"], changes))
        if decision.replaces:
            self.replaces = True
            self.patch = {}
        self.fresh.update(apply(self, decision, stamp))
        self.patch.update(fields(decision))
        if PROJECT in decision.writes or decision.replaces:
            self.project_id = project_of(decision.writes)
        return changes

    def logged(self, row: ChangeRow) -> None:
        """One more row of the log."""
        if self.last is None or row.new_version is not None:
            self.last = row

    def count(self, sender: Sender, number: int, *, is_conflicted: bool) -> None:
        """One more event."""
        self.events += 1
        self.conflicts += is_conflicted
        # an import brings pushes in an order of its own
        if self.first_event_at is None or sender.received_at < self.first_event_at:
            self.first, self.first_event_at = number, sender.received_at
        self.presence.note(sender.user, sender.received_ms)

    def as_seen(self) -> dict[str, Json]:
        """The record as an answer shows it."""
        return {"server_id": self.entity_id, "version": self.version, "data": self.data, "deleted": self.is_deleted}

    def row(self) -> ChangeRow | None:
        """What is to be stored, or to be still as it was read, if anything is: in the row of a change."""
        if not self.events and self.writer is None:
            return None
        row = self.last or ChangeRow(None, None, None, self.entity_type, self.entity_id)
        row.data = orjson.dumps(self.patch).decode()
        row.replaces = self.replaces
        row.stamps = orjson.dumps(self.fresh).decode()
        row.is_deleted = self.is_deleted
        row.events = self.events
        row.conflicts = self.conflicts
        row.place = self.place
        row.last_events = orjson.dumps(self.presence.last_events).decode()
        row.first = self.first
        row.writer = self.writer
        return row


def load(key: tuple[str, str], stored: LoadedRecord | None) -> Working:
    """The record as it was read, or one that never was."""
    if stored is None:
        return Working(entity_type=key[0], entity_id=key[1])
    return Working(
        version=stored.version,
        data=orjson.loads(stored.data),
        stamps=orjson.loads(stored.stamps),
        is_deleted=stored.is_deleted,
        entity_type=key[0],
        entity_id=key[1],
        expected=stored.version,
        place=stored.place,
        writer=stored.writer,
        size=len(stored.data),
        project_id=stored.project_id,
        presence=Presence(orjson.loads(stored.last_events), stored.editing),
    )
