"""All streams of this process: who may open one, and the one poller that serves them.

N processes need no word with each other: each asks PostgreSQL for the tenants that its own streams are about.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import asyncpg

from sync_api.db.session import Connection, Pool
from sync_api.stream import store
from sync_api.stream.listener import Listener, News
from sync_api.warnings.store import warnings
from sync_api.warnings.watch import Watch
from web.auth import Caller
from web.problems import Problem

logger = logging.getLogger("foresync.sync_api")

PATIENCE_SECONDS = 5.0  # for one tick; PostgreSQL may be away
LONGEST_WAIT_SECONDS = 2.0  # between ticks, while it is

# What may have happened to a user while a tenant moved on: tenant → (after, until) in, news out. Whatever is to be
# told to some users alone is one more of these.
Source = Callable[[Connection, Mapping[str, tuple[int, int]]], Awaitable[list[News]]]
SOURCES: tuple[Source, ...] = (store.conflicts, warnings)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many streams at once, and how they are paced. Times in seconds; lifetime: of one stream."""

    streams: int = 2000
    streams_per_user: int = 16
    heartbeat: float = 15.0
    lifetime: float = 3600.0
    poll: float = 0.25


class Hub:
    """The open streams, and their poller, which runs while there are any."""

    def __init__(self, pool: Pool, limits: Limits, watch: Watch) -> None:
        self.limits = limits
        self.draining = asyncio.Event()
        self._pool = pool
        self._watch = watch
        self._listeners: set[Listener] = set()
        self._by_user: Counter[tuple[str, str]] = Counter()
        self._poller: asyncio.Task[None] | None = None

    @property
    def is_polling(self) -> bool:
        return self._poller is not None

    def admit(self, who: Caller) -> None:
        """Problem 429 when there are too many streams, 503 when the server is about to end."""
        if self.draining.is_set():
            raise _refused(503, "draining", "The server is about to end", "1")
        if self._by_user[who.tenant, who.user] >= self.limits.streams_per_user:
            raise _refused(429, "too_many_streams", "This user has too many streams open", "30")
        if len(self._listeners) >= self.limits.streams:
            raise _refused(429, "too_many_streams", "This server has too many streams open", "5")

    def join(self, listener: Listener, since: int | None = None) -> None:
        """From now on, tell it what happens. since: up to where its user had been told before."""
        self._listeners.add(listener)
        self._watch.join(listener, since)
        self._by_user[listener.tenant, listener.user] += 1
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())

    def leave(self, listener: Listener) -> None:
        """Tell it nothing more."""
        self._listeners.discard(listener)
        key = (listener.tenant, listener.user)
        self._by_user[key] -= 1
        if not self._by_user[key]:
            del self._by_user[key]

    def drain(self) -> None:
        """End every stream, and open no more: the server is about to end, and waits for open requests first."""
        self.draining.set()

    async def close(self) -> None:
        """End the poller, and what runs beside it."""
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)
        await self._watch.close()

    async def _poll(self) -> None:
        wait = self.limits.poll
        try:
            while self._listeners:
                try:
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await self._tick()
                    wait = self.limits.poll
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                    if wait == self.limits.poll:
                        logger.warning("streams cannot be served: %s", error or type(error).__name__)
                    wait = min(wait * 2, LONGEST_WAIT_SECONDS)
                except Exception:  # a defect must not silence every stream for good
                    logger.exception("streams cannot be served")
                    wait = LONGEST_WAIT_SECONDS
                await asyncio.sleep(wait)
        finally:
            self._poller = None

    async def _tick(self) -> None:
        """Find out what has happened since the last one, and tell everybody whom it concerns."""
        listeners = defaultdict(list)
        for listener in self._listeners:
            listeners[listener.tenant].append(listener)
        told = {tenant: min(one.position for one in those) for tenant, those in listeners.items()}
        async with self._pool.held() as connection:
            found = await store.heads(connection, told)
            moved = {one.tenant: (told[one.tenant], one.head) for one in found if one.head > told[one.tenant]}
            news = defaultdict(list)
            for source in SOURCES if moved else ():
                for one in await source(connection, moved):
                    news[one.tenant, one.user].append(one)
        for head in found:
            for listener in listeners[head.tenant]:
                listener.move(head, news[head.tenant, listener.user])
        self._watch.note(found, listeners)


def _refused(status: int, code: str, title: str, seconds: str) -> Problem:
    return Problem(status, code, title, retryable=True, headers={"Retry-After": seconds})
