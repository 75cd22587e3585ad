"""What a transaction adds to the running counters that features are read from: of the tenant, its types and its users.

An event is timed when it was edited before it was received; a push is, when it has such an event. A push is one
request.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

RECENT = 200  # pushes whose sums are kept
SHORTEST = 60.0  # seconds: whatever was open for less
UNIT = 2**32  # of the logarithm, so that sums are whole numbers and the same in whatever order


class Push(Struct):
    """The timed part of a push: when its first edit began, and whether any of them conflicted."""

    user: str
    received_at: datetime
    began_at: datetime
    is_conflicted: bool

    @property
    def open_log(self) -> int:
        """ln of the seconds that it had been open, in units."""
        return round(math.log(max(SHORTEST, (self.received_at - self.began_at).total_seconds())) * UNIT)


class Activity:
    """Counts the timed events of a transaction, push by push."""

    def __init__(self) -> None:
        self._types: dict[str, list[int]] = {}  # events, conflicts
        self._pushes: dict[str, Push] = {}  # by sync_id, in the order of their seqs

    def note(
        self, sync_id: str, user: str, entity: str, edited_at: datetime, received_at: datetime, is_conflicted: bool
    ) -> None:
        """One more event."""
        if edited_at >= received_at:
            return
        counts = self._types.get(entity)
        if counts is None:
            counts = self._types[entity] = [0, 0]
        counts[0] += 1
        counts[1] += is_conflicted
        push = self._pushes.get(sync_id)
        if push is None:
            self._pushes[sync_id] = Push(user, received_at, edited_at, is_conflicted)
            return
        push.is_conflicted = push.is_conflicted or is_conflicted
        if edited_at < push.began_at:
            push.began_at = edited_at

    def arguments(self, users: Sequence[str]) -> list[Any]:
        """As `sync.push_write` takes them: the tenant's sums, those by type and those of the users in their order, and
        the sums of this transaction before each of its last pushes."""
        by_user = {user: [0, 0, 0] for user in users}
        before: list[tuple[int, int, int]] = []
        conflicted = open_log = 0
        for number, push in enumerate(self._pushes.values(), 1):
            before.append((number, conflicted, open_log))
            length = push.open_log
            sums = by_user[push.user]
            sums[0] += 1
            sums[1] += push.is_conflicted
            sums[2] += length
            conflicted += push.is_conflicted
            open_log += length
        counts = self._types.values()
        tenant = [sum(n for n, _ in counts), sum(c for _, c in counts), len(before), conflicted, open_log]
        return [
            tenant,
            list(self._types),
            *_columns(list(counts), 2),
            *_columns(list(by_user.values()), 3),
            *_columns(before[-RECENT:], 3),
        ]


def _columns(rows: Sequence[Sequence[int]], width: int) -> list[list[int]]:
    return [[row[place] for row in rows] for place in range(width)]
