"""Who has lately been at a record, as its own row remembers it: two figures that every event is logged with, for audit.

They mean what the features of the same names mean, as of the moment at which the push arrived. No feature reads them.
"""

from collections.abc import Iterable
from datetime import datetime

MINUTES_MS = 5 * 60 * 1000
WEEK_MS = 168 * 3600 * 1000
MOST_USERS = 50  # remembered of one record, the latest first: its row is rewritten with every event


class Presence:
    """The last event of each user on a record, in milliseconds since 1970, and who has the record open."""

    __slots__ = ("_at", "_before", "_editing", "_moment", "last_events")

    def __init__(self, last_events: dict[str, int] | None = None, editing: Iterable[str] = ()) -> None:
        self.last_events = last_events or {}
        self._editing = editing
        self._at = -1
        self._moment: datetime | None = None
        self._before = self.last_events

    def concurrent_editors(self, user: str, at: datetime) -> int:
        """Distinct others with an event in the five minutes before, or with an edit open now."""
        now = self._as_of(at)
        others = {name for name, last in self._before.items() if now - MINUTES_MS < last < now}
        others.update(self._editing)
        others.discard(user)
        return len(others)

    def hours_since_last_sync(self, user: str, at: datetime) -> float:
        """Hours since the user's last event before this push, at most 168."""
        now = self._as_of(at)
        last = self._before.get(user)
        return 168.0 if last is None else max(0, min(now - last, WEEK_MS)) / 3_600_000

    def note(self, user: str, at: datetime) -> None:
        """One more event. What is older than a week, or than fifty others, is forgotten."""
        now = self._as_of(at)
        known = {name: last for name, last in self.last_events.items() if last > now - WEEK_MS and name != user}
        if len(known) >= MOST_USERS:
            del known[min(known, key=known.__getitem__)]
        known[user] = now
        self.last_events = known

    def _as_of(self, at: datetime) -> int:
        """The moment of a push; all of its changes see what was there before it."""
        if at is not self._moment:
            self._moment = at
            now = int(at.timestamp() * 1000)
            if now != self._at:
                self._at, self._before = now, self.last_events
        return self._at
