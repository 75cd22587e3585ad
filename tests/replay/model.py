"""What a conflict is, once more and independently: the sync engine's rules for field patches under `client_wins`.

In memory, one change at a time, dicts and nothing else. It shares no line with the server, and with the replay only the
reading of the file; so where they agree on a whole real history, both say what the rules say.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from foresync.replay.history import Edit, History, Push

Author = tuple[str, str]  # user, device
DELETED = "_deleted"
WINDOW = 300_000_000  # microseconds
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Write:
    version: int
    by: Author
    edited_at: int


@dataclass
class Record:
    version: int = 0
    data: dict[str, str] = field(default_factory=dict)
    is_deleted: bool = False
    writes: dict[str, Write] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """`collided` and `near` are the fields of the conflicts detected by version and by window."""

    status: str  # applied | merged | unchanged
    version: int
    is_stale: bool
    collided: frozenset[str] = NOBODY
    near: frozenset[str] = NOBODY


class Model:
    """Records by (entity type, id)."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Record] = defaultdict(Record)

    def change(
        self, author: Author, key: tuple[str, str], op: str, base: int, data: dict[str, str], edited_at: int = 0
    ) -> Outcome:
        record = self.records[key]
        assert base <= record.version, f"{key}: a base of {base} above the server's {record.version}"
        is_stale = base < record.version
        differing = _differing(record, op, data)
        if not differing and (op == "delete" or record.version):
            return Outcome("unchanged", record.version, is_stale)
        collided = _collided(record, author, op, base, differing) if is_stale else NOBODY
        near = NOBODY if op == "delete" or record.is_deleted else _near(record, author, differing - collided, edited_at)
        _write(record, op, differing, data, Write(record.version + 1, author, edited_at))
        return Outcome("merged" if is_stale else "applied", record.version, is_stale, collided, near)


def _differing(record: Record, op: str, data: dict[str, str]) -> frozenset[str]:
    """The fields that the change would change. Deleting changes one that no client can name; what never was is gone."""
    if op == "delete":
        return frozenset({DELETED}) if record.version and not record.is_deleted else NOBODY
    if record.is_deleted:
        return frozenset({*data, DELETED})
    return frozenset(name for name, value in data.items() if record.data.get(name) != value)


def _collided(record: Record, author: Author, op: str, base: int, differing: frozenset[str]) -> frozenset[str]:
    """Those that somebody else wrote after `base`. A delete is against every field, a tombstone against any write."""
    theirs = {name for name, write in record.writes.items() if write.version > base and write.by != author}
    if op == "delete" or record.is_deleted:
        rivals = theirs if op == "delete" else theirs & {DELETED}
        return frozenset({DELETED}) if rivals else NOBODY
    return differing & theirs


def _near(record: Record, author: Author, names: frozenset[str], edited_at: int) -> frozenset[str]:
    """Those that another person wrote within the window before."""
    return frozenset(
        name
        for name in names
        if (write := record.writes.get(name))
        and write.by[0] != author[0]
        and edited_at - WINDOW <= write.edited_at <= edited_at
    )


def _write(record: Record, op: str, differing: frozenset[str], data: dict[str, str], write: Write) -> None:
    if op == "delete":
        written = {*record.writes, DELETED}
        record.is_deleted = True
    else:
        written = set(differing)
        if record.is_deleted and op == "create":
            record.data = {}
        record.data = record.data | data
        record.is_deleted = False
    record.version = write.version
    record.writes |= dict.fromkeys(written, write)


@dataclass(frozen=True)
class Change:
    """A change of the history and what the rules make of it."""

    push: Push
    edit: Edit
    base: int
    outcome: Outcome


def run(history: History, model: Model, times: Callable[[int], int] = int) -> Iterator[Change]:
    """The whole history through the rules, one change after the other; `times` maps its moments.

    A base version is what the model's own answer was to the newest change at or below it in the history's counting.
    """
    answered: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for push in history.pushes:
        author = (f"u{push.user_id}", f"u{push.user_id}-m{push.push_id}" if push.is_merge else f"u{push.user_id}-main")
        for edit in push.edits:
            at_or_below = [version for raised, version in answered[edit.entity_id] if raised <= edit.client_version]
            base = at_or_below[-1] if at_or_below else 0
            data = {f"r{name}": str(value) for name, value in zip(edit.fields, edit.values, strict=True)}
            key = (edit.entity_type, f"e{edit.entity_id}")
            sent = {} if edit.op == "delete" else data
            outcome = model.change(author, key, edit.op, base, sent, times(edit.edited_at))
            answered[edit.entity_id].append((edit.raised_to, outcome.version))
            yield Change(push, edit, base, outcome)
