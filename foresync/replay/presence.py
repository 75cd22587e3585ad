"""What a history's clients would have announced while editing: a seeded share of merges' edits, the rest is silent."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from foresync.replay.history import Edit, Push


@dataclass(frozen=True, slots=True)
class Announcement:
    """One presence event of one edit: what it is, when (history time), and every field announced so far."""

    kind: str  # opened | fields | closed
    number: int  # its place among the edit's events
    at: int
    fields: tuple[int, ...]


def announces(seed: int, share: float, tenant_id: str, push_id: int, entity_id: int) -> bool:
    """Whether this edit is one of the share. Depends on nothing but its arguments, so a rerun draws the same."""
    draw = hashlib.sha256(f"{seed}/{tenant_id}/{push_id}/{entity_id}".encode()).digest()
    return int.from_bytes(draw[:8], "big") < share * 2**64


def announcements(push: Push, edit: Edit) -> Iterator[Announcement]:
    """Opened with the fields touched by then, once more whenever a later field is first touched, closed at the sync.

    Never a field before its time: a model that learns from these must not see what a client could not have known.
    """
    touched = sorted(zip((min(at, push.synced_at) for at in edit.first_at), edit.fields, strict=True))
    known = tuple(field for at, field in touched if at <= edit.edited_at)
    yield Announcement("opened", 0, edit.edited_at, known)
    number = 1
    for moment in sorted({at for at, _ in touched if at > edit.edited_at}):
        known = tuple(field for at, field in touched if at <= moment)
        yield Announcement("fields", number, moment, known)
        number += 1
    yield Announcement("closed", number, push.synced_at, known)
