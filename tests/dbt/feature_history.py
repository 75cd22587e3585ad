"""A small random history of changes and presence. What is to be computed from it is not known here."""

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

START = datetime(2026, 9, 1, 22, 0, tzinfo=UTC)
STEPS = (0.0, 0.0, 7.0, 60.0, 299.0, 300.0, 301.0, 3600.0, 20_000.0, 90_000.0)
REST = timedelta(days=100)
OPEN_FROM, OPEN_TO = 300, 2_592_000


@dataclass(frozen=True)
class Change:
    """A sync_log row."""

    tenant: str
    event_id: str
    received_at: datetime
    edited_at: datetime
    user: str
    device: str
    entity: tuple[str, str]
    fields: tuple[str, ...]
    outcome: str
    conflicted: bool
    edit_id: str | None
    operation: str = "update"
    new_version: int | None = None
    seq: int = 0

    @property
    def sync_id(self) -> uuid.UUID:
        """What one device sends at one instant is one request."""
        return uuid.uuid5(uuid.NAMESPACE_OID, f"{self.tenant}/{self.received_at}/{self.user}/{self.device}")

    @property
    def sync_session_id(self) -> str:
        """The client's own name for that request."""
        return f"p{self.sync_id}"


@dataclass(frozen=True)
class Said:
    """An edit_session_event row."""

    tenant: str
    edit_id: str
    event: str
    received_at: datetime
    expires_at: datetime
    user: str
    device: str
    entity: tuple[str, str]
    fields: tuple[str, ...]
    behind: int | None = None  # the client's version when the edit began, counted back from the newest; None: not said
    base_version: int | None = None
    seq: int = 0


Row = Change | Said


def random_history(seed: int, changes: int, tenants: tuple[str, ...] = ("t1", "t2")) -> list[Row]:
    """Rows in the order the server took them, numbered per tenant; many share an instant."""
    draw = random.Random(seed)
    now, found = START, list[Row]()
    for number in range(changes):
        now += timedelta(seconds=draw.choice(STEPS)) + (REST if number == 200 else timedelta(0))
        found += _edit(draw, number, now, draw.choice(tenants))
    return numbered(found)


def numbered(rows: Iterable[Row]) -> list[Row]:
    """Rows that were received as they came, with what follows from their order."""
    return arrived(sorted(rows, key=lambda row: row.received_at))


def arrived(rows: Iterable[Row]) -> list[Row]:
    """Give rows in the order of their arrival their seq per tenant, and the versions that follow from it."""
    clocks: dict[str, int] = {}
    versions: dict[tuple[str, tuple[str, str]], int] = {}
    began: dict[str, int] = {}
    result: list[Row] = []
    for row in rows:
        clocks[row.tenant] = clocks.get(row.tenant, 0) + 1
        record = (row.tenant, row.entity)
        newest = versions.get(record, 0)
        if isinstance(row, Said):
            start = began.setdefault(row.edit_id, newest)
            base = None if row.behind is None else max(0, start - row.behind)
            result.append(replace(row, base_version=base, seq=clocks[row.tenant]))
            continue
        is_written = row.outcome == "applied" or (row.outcome == "merged" and bool(row.fields))
        versions[record] = newest + is_written
        result.append(replace(row, new_version=newest + 1 if is_written else None, seq=clocks[row.tenant]))
    return result


def _edit(draw: random.Random, number: int, now: datetime, tenant: str) -> list[Row]:
    user = draw.choice("abcd")
    entity = (draw.choice(("source", "source", "source", "doc")), draw.choice(("e1", "e1", "e2", "e3")))
    # two words of fields, few of them often
    named = {draw.choice((0, 0, 0, 0, 1, 1, *range(2, 23))) for _ in range(draw.randint(1, 3))}
    # each has been met before the one that comes last, and often: its count is the first that a word cannot hold
    named |= {number % 23} if number < 150 else {23} if draw.random() < 0.8 else set()
    fields = tuple(sorted(f"f{field}" for field in named))
    started = now - timedelta(seconds=draw.choice((0, 0, 200, 5000, 200_000)))
    device = f"{user}-{draw.randint(1, 2)}"
    edit_id = str(uuid.UUID(int=draw.getrandbits(128))) if draw.random() < 0.5 else None
    change = Change(
        tenant, str(uuid.UUID(int=draw.getrandbits(128))), now, started, user, device, entity, fields,
        draw.choice(("applied", "applied", "merged", "unchanged", "conflict")), draw.random() < 0.2, edit_id,
        draw.choice(("update",) * 9 + ("delete",)),
    )  # fmt: skip
    if edit_id is None:
        return [change]
    until = timedelta(seconds=draw.choice((600, OPEN_TO)))

    behind = draw.choice((None, 0, 0, 1, 5))

    def said(event: str, at: datetime, known: tuple[str, ...], base: int | None = behind) -> Said:
        return Said(tenant, edit_id, event, at, at + until, user, device, entity, known, base)

    early = fields[: draw.randint(0, len(fields))]
    spoken = [said("opened", started, early, draw.choice((behind, None)))]
    if draw.random() < 0.5:
        spoken.append(said("fields", started + (now - started) / 3, fields))
    if draw.random() < 0.8:
        spoken.append(said("closed", now, fields))
    return [*spoken, change] if number % 2 else [change, *spoken]
