"""Who has lately been at a record, as its own row remembers it: two figures that every event is logged with, for audit.

They mean what the features of the same names mean, as of the moment at which the push arrived. No feature reads them.
"""

from collections.abc import Iterable

MINUTES_MS = 5 * 60 * 1000
WEEK_MS = 168 * 3600 * 1000
MOST_USERS = 50  # remembered of one record, the latest first: its row is rewritten with every event


class Presence:
    """The last event of each user on a record, and who has the record open. Moments, here and below, are milliseconds
    since 1970; all changes of a push have the same, and see what was there before it."""

    __slots__ = ("_before", "_editing", "_now", "last_events")

    def __init__(self, last_events: dict[str, int] | None = None, editing: Iterable[str] = ()) -> None:
        self.last_events = last_events or {}
        self._editing = editing
        self._now = -1
        self._before = self.last_events

    def concurrent_editors(self, user: str, now: int) -> int:
        """Distinct others with an event in the five minutes before, or with an edit open now."""
        self._begin(now)
        lately = now - MINUTES_MS
        others = set(self._editing)
        for name, last in self._before.items():
            if lately < last < now:
                others.add(name)
        others.discard(user)
        return len(others)

    def hours_since_last_sync(self, user: str, now: int) -> float:
        """Hours since the user's last event before this push, at most 168."""
        self._begin(now)
        last = self._before.get(user)
        if last is None or now - last >= WEEK_MS:
            return 168.0
        return (now - last) / 3_600_000 if last < now else 0.0

    def note(self, user: str, now: int) -> None:
        """One more event. What is older than a week, or than fifty others, is forgotten."""
        self._begin(now)
        known = {name: last for name, last in self.last_events.items() if last > now - WEEK_MS and name != user}
        if len(known) >= MOST_USERS:
            del known[min(known, key=known.__getitem__)]
        known[user] = now
        self.last_events = known

    def _begin(self, now: int) -> None:
        if now != self._now:
            self._now, self._before = now, self.last_events
