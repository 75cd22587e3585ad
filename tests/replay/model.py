"""What a conflict is, once more and independently: the sync engine's rules for field patches under `client_wins`.

In memory, one change at a time, dicts and nothing else. It shares no line with the server, and with the replay only the
reading of the file; so where they agree on a whole real history, both say what the rules say.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from foresync.replay.history import Edit, History, Push

Author = tuple[str, str]  # user, device
DELETED = "_deleted"


@dataclass
class Record:
    version: int = 0
    data: dict[str, str] = field(default_factory=dict)
    is_deleted: bool = False
    # field → version and author of its last write
    writes: dict[str, tuple[int, Author]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    status: str  # applied | merged | unchanged
    version: int
    is_stale: bool
    collided: frozenset[str] = frozenset()


class Model:
    """Records by (entity type, id)."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Record] = defaultdict(Record)

    def change(self, author: Author, key: tuple[str, str], op: str, base: int, data: dict[str, str]) -> Outcome:
        record = self.records[key]
        assert base <= record.version, f"{key}: a base of {base} above the server's {record.version}"
        is_stale = base < record.version
        if self._is_equal(record, op, data):
            return Outcome("unchanged", record.version, is_stale)
        collided = self._collided(record, author, op, base, data) if is_stale else frozenset()
        self._write(record, author, op, data)
        return Outcome("merged" if is_stale else "applied", record.version, is_stale, collided)

    @staticmethod
    def _is_equal(record: Record, op: str, data: dict[str, str]) -> bool:
        if op == "delete":
            return record.is_deleted
        return record.version > 0 and not record.is_deleted and data.items() <= record.data.items()

    @staticmethod
    def _collided(record: Record, author: Author, op: str, base: int, data: dict[str, str]) -> frozenset[str]:
        """The fields that somebody else wrote after `base` and that this change sets to another value."""
        theirs = {name for name, (version, by) in record.writes.items() if version > base and by != author}
        if op == "delete":
            return frozenset(theirs - {DELETED})
        if DELETED in theirs:
            return frozenset(data) | {DELETED}
        return frozenset(name for name in data if name in theirs and record.data.get(name) != data[name])

    @staticmethod
    def _write(record: Record, author: Author, op: str, data: dict[str, str]) -> None:
        record.version += 1
        if op == "delete":
            written = {*record.data, DELETED}
            record.data, record.is_deleted = {}, True
        else:
            written = {*data, DELETED} if record.is_deleted else set(data)
            record.data, record.is_deleted = record.data | data, False
        record.writes |= dict.fromkeys(written, (record.version, author))


@dataclass(frozen=True)
class Change:
    """A change of the history and what the rules make of it."""

    push: Push
    edit: Edit
    outcome: Outcome


def run(history: History) -> Iterator[Change]:
    """The whole history through the rules, one change after the other.

    A base version is what the model's own answer was to the newest change at or below it in the history's counting.
    """
    model = Model()
    answered: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for push in history.pushes:
        author = (f"u{push.user_id}", f"u{push.user_id}-m{push.push_id}" if push.is_merge else f"u{push.user_id}-main")
        outcomes = []
        for edit in push.edits:
            at_or_below = [version for raised, version in answered[edit.entity_id] if raised <= edit.client_version]
            base = at_or_below[-1] if at_or_below else 0
            data = {f"r{name}": str(value) for name, value in zip(edit.fields, edit.values, strict=True)}
            key = (edit.entity_type, f"e{edit.entity_id}")
            outcomes.append(model.change(author, key, edit.op, base, {} if edit.op == "delete" else data))
        for edit, outcome in zip(push.edits, outcomes, strict=True):
            answered[edit.entity_id].append((edit.raised_to, outcome.version))
            yield Change(push, edit, outcome)
