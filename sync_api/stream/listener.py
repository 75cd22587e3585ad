"""One open stream: whose it is, how far it has been told, and what waits to be sent. Bounded, however slow the reader.

A position is a place in the tenant's order; all that happened up to it has been told, or waits here.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sync_api.stream import events
from sync_api.stream.events import Event

MOST_WAITING = 100
UNKEYED = ("poke", "resync")  # of these there are never more than a handful


@dataclass(frozen=True, slots=True)
class Head:
    """Where a tenant stands. head: its clock. feed: the newest place at which the feed has anything."""

    tenant: str
    epoch: UUID
    head: int
    horizon: int
    feed: int


@dataclass(frozen=True, slots=True)
class News:
    """An event for one user of one tenant, and its place in the tenant's order."""

    tenant: str
    user: str
    seq: int
    event: Event


class Listener:
    """What one connection is to be told."""

    def __init__(self, tenant: str, user: str, found: Head) -> None:
        self.tenant, self.user = tenant, user
        self.position, self._feed, self._epoch = found.head, found.feed, found.epoch
        self._waiting: dict[tuple[str, str], Event] = {}
        self._stirred = asyncio.Event()

    def tell(self, event: Event) -> None:
        """Let the event be sent. Where too many wait, the client is told instead that it has missed some."""
        key = (event.name, event.key)
        if event.name not in UNKEYED:
            if ("resync", "overrun") in self._waiting:
                return
            if len(self._waiting) >= MOST_WAITING and key not in self._waiting:
                self._waiting = {k: e for k, e in self._waiting.items() if k[0] in UNKEYED}
                event = events.resync("overrun")
                key = (event.name, event.key)
        self._waiting.pop(key, None)
        self._waiting[key] = event
        self.stir()

    def move(self, to: Head, news: Iterable[News]) -> None:
        """The tenant stands there now, and this has happened to the user since some earlier position."""
        if to.epoch != self._epoch:
            self.tell(events.resync("epoch"))
            self._epoch, self._feed, self.position = to.epoch, to.feed, to.head
            return
        for one in news:
            if one.seq > self.position:
                self.tell(one.event)
        if to.feed > self._feed:
            self._feed = to.feed
            self.tell(events.poke(to.head))
        self.position = max(self.position, to.head)

    def stir(self) -> None:
        """Let whoever waits look again."""
        self._stirred.set()

    async def stirred(self, seconds: float) -> bool:
        """Whether there was something to look at within that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        except TimeoutError:
            return False
        return True

    def take(self) -> bytes:
        """All that waits, as it is sent."""
        told = events.frames(list(self._waiting.values()), self.position)
        self._waiting.clear()
        self._stirred.clear()
        return told
