"""The order of a replay, and which answer each step must wait for. Pure: no versions yet, no requests, no clock.

A history's own versions mean nothing to the server: some pushes were left out of the file although they raised
versions, and some answers raise none. So a step names the push whose answer holds its base version: the newest
replayed one at or below it.
"""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import TypeAlias

from foresync.replay.history import Edit, History, Push
from foresync.replay.presence import Announcement, announcements, announces

NONE = -1  # no replayed push at or below: the server has never seen the record


@dataclass(frozen=True, slots=True)
class PushStep:
    """A push to send; `bases` is, for each edit, the index of the push that answers its base version, or NONE."""

    index: int
    push: Push
    bases: tuple[int, ...]
    announced: frozenset[int]  # the entities whose edit was announced

    @property
    def at(self) -> int:
        return self.push.synced_at

    @property
    def newest_base(self) -> int:
        return max(self.bases)

    @property
    def changes(self) -> int:
        return len(self.push.edits)


@dataclass(frozen=True, slots=True)
class PresenceStep:
    """A presence event to send; `base` is the index of the push that answers its base version, or NONE."""

    push: Push
    edit: Edit
    announcement: Announcement
    base: int

    @property
    def at(self) -> int:
        return self.announcement.at

    @property
    def newest_base(self) -> int:
        return self.base

    @property
    def changes(self) -> int:
        return 1


Step: TypeAlias = PushStep | PresenceStep


class _Raises:
    """For each record, the pushes that touched it and the history's version after each: both never fall."""

    def __init__(self) -> None:
        self._versions: dict[int, list[int]] = defaultdict(list)
        self._pushes: dict[int, list[int]] = defaultdict(list)

    def add(self, edit: Edit, index: int) -> None:
        self._versions[edit.entity_id].append(edit.raised_to)
        self._pushes[edit.entity_id].append(index)

    def newest(self, edit: Edit, before: int) -> int:
        """The newest push before index `before` that left the record at or below the edit's base version."""
        pushes = self._pushes[edit.entity_id]
        known = bisect_right(self._versions[edit.entity_id], edit.client_version)
        known = min(known, bisect_right(pushes, before - 1))
        return pushes[known - 1] if known else NONE


def plan(history: History, tenant_id: str, presence_share: float, seed: int) -> list[Step]:
    """Every step of the replay in the order in which it is sent, which is the order of time."""
    raises = _Raises()
    steps: list[tuple[tuple[int, int], Step]] = []  # by (push they precede or are, place within)
    synced = [push.synced_at for push in history.pushes]
    for index, push in enumerate(history.pushes):
        announced = frozenset(
            edit.entity_id
            for edit in push.edits
            if push.is_merge and announces(seed, presence_share, tenant_id, push.push_id, edit.entity_id)
        )
        bases = tuple(raises.newest(edit, index) for edit in push.edits)
        steps.append(((index, _PUSH), PushStep(index, push, bases, announced)))
        for edit in push.edits:
            if edit.entity_id in announced:
                steps += _presence(raises, index, push, edit, synced)
        for edit in push.edits:
            raises.add(edit, index)
    return [step for _, step in sorted(steps, key=lambda one: (*one[0], one[1].at))]


_BEFORE, _PUSH, _AFTER = 0, 1, 2


def _presence(
    raises: _Raises, index: int, push: Push, edit: Edit, synced: list[int]
) -> list[tuple[tuple[int, int], Step]]:
    """An edit's events, each placed after the pushes received by then, and never after the push that ends it."""
    placed: list[tuple[tuple[int, int], Step]] = []
    for announcement in announcements(push, edit):
        place = min(bisect_right(synced, announcement.at), index)
        step = PresenceStep(push, edit, announcement, raises.newest(edit, place))
        is_end = announcement.kind == "closed"
        placed.append(((index, _AFTER) if is_end else (place, _BEFORE), step))
    return placed
