"""The rows that a push writes, gathered while it is decided.

The tuples are sent as the composite types of the same columns (`sync.pushed_by`, `pushed_change`, `pushed_request`):
one array of rows costs both sides much less than one array per column. A row costs more than what is in it: what
becomes of a record stands in the row of a change to it. What is the same for all changes of a push is sent once, and
named by its number.
"""

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from msgspec import Struct
from msgspec.structs import astuple

from sync_api.push.activity import Activity
from sync_api.push.prepare import Named, Sender


class SenderRow(NamedTuple):
    """What all changes of a push share."""

    sync_id: str
    sync_session_id: str
    user_id: str
    device_id: str
    received_at: datetime
    network_type: str | None
    device_metadata: str


class ChangeRow(Struct, gc=False):
    """A row of sync_log, one of applied_change, and a record. fields: names joined by U+001F, which is cheaper than an
    array in every row. outcome: None for what is not logged. answer: None for what need not be answered again.

    From data on, in one row of each record that a push was decided by: where it was found and still has to be (place,
    writer; None for a new one), and what becomes of it, where it has events (None in all other rows). That is the row
    of the last change that wrote it, if any did, whose project, version and place in the order are the record's; or one
    of its own, where no logged change has met it.
    data and stamps hold only what is new, unless it replaces. first: the sender of the earliest event that it comes of.
    """

    id: str | None
    sender: int | None
    ord: int | None
    entity_type: str
    entity_id: str
    project_id: str | None = None
    offline_id: str = ""
    operation: str = ""
    base_version: int | None = None
    server_version: int | None = None
    new_version: int | None = None
    outcome: str | None = None
    is_conflicted: bool = False
    field_changes: str | None = None
    fields: str | None = None
    edited_at_sent: datetime | None = None
    edited_at: datetime | None = None
    edit_id: Any = None
    prediction_id: Any = None
    concurrent_editors: int | None = None
    hours_since_last_sync: float | None = None
    content_sha256: bytes | None = None
    answer: str | None = None
    data: str | None = None
    replaces: bool | None = None
    stamps: str | None = None
    is_deleted: bool | None = None
    events: int | None = None
    conflicts: int | None = None
    place: tuple[int, int] | None = None
    last_events: str | None = None
    first: int | None = None
    writer: int | None = None


def answer_alone(sender: int, named: Named, answer: str) -> ChangeRow:
    """The row of a change that took no part."""
    sent = named.sent
    return ChangeRow(
        None, sender, None, sent.entity, named.entity_id, offline_id=sent.offline_id, operation=sent.op,
        content_sha256=named.sha256, answer=answer,
    )  # fmt: skip


class RequestRow(NamedTuple):
    """A row of sync_request: how many of what, how many bytes, how long."""

    sender: int
    kind: str
    status: str
    item_count: int
    applied_count: int
    merged_count: int
    unchanged_count: int
    conflict_count: int
    auto_resolved_count: int
    rejected_count: int
    replayed_count: int
    bytes_in: int
    bytes_out: int
    bytes_saved_delta: int
    bytes_saved_compression: int
    duration_ms: float
    client_time: datetime
    ord: int


class DeviceRow(NamedTuple):
    """A device that was seen."""

    device_id: str
    user_id: str
    metadata: str
    seen_at: datetime


class ClosingRow(NamedTuple):
    """An edit that ends with a change that names it."""

    edit_id: Any
    user_id: str
    pushed_at: datetime
    ord: int


class Writes:
    """Everything that one transaction writes. length: how far the tenant's clock moves on."""

    def __init__(self) -> None:
        self.length = 0
        self.senders: dict[str, SenderRow] = {}  # by sync_id, in the order of their numbers, from 1
        self._numbers: dict[str, int] = {}
        self.changes: list[ChangeRow] = []
        self.devices: dict[str, DeviceRow] = {}
        self.events: Counter[str] = Counter()
        self.conflicted: Counter[str] = Counter()
        self.activity = Activity()
        self.requests: list[RequestRow] = []
        self.conflicts: list[dict[str, Any]] = []
        self.decisions: list[dict[str, Any]] = []
        self.closing: dict[Any, ClosingRow] = {}

    def tick(self) -> int:
        """The next place in the tenant's order."""
        self.length += 1
        return self.length

    def by(self, sender: Sender) -> int:
        """The number of a sender."""
        number = self._numbers.get(sender.sync_id)
        if number is None:
            number = self._numbers[sender.sync_id] = len(self.senders) + 1
            self.senders[sender.sync_id] = SenderRow(
                sender.sync_id,
                sender.session_id,
                sender.user,
                sender.device,
                sender.received_at,
                sender.envelope.network_type,
                sender.metadata,
            )
        return number

    def forget_answers(self) -> None:
        """Keep what was decided, and not what was said to it."""
        for row in self.changes:
            row.answer = None

    def arguments(self) -> list[Any]:
        """The parameters of `store.WRITE` after the tenant and the length."""
        users = sorted(self.events)
        return [
            list(self.senders.values()),
            [astuple(row) for row in self.changes],
            self.requests,
            users,
            [self.events[user] for user in users],
            [self.conflicted[user] for user in users],
            *_columns([self.devices[device] for device in sorted(self.devices)], DeviceRow),
            _json(self.conflicts),
            _json(self.decisions),
            *_columns(list(self.closing.values()), ClosingRow),
            *self.activity.arguments(users),
        ]


def _columns(rows: Any, row: type[Any]) -> list[tuple[Any, ...] | list[Any]]:
    return list(zip(*rows, strict=True)) if rows else [[] for _ in row._fields]


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()
