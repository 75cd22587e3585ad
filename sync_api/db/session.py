"""Transactions as one tenant: held connections, the tenant set for the transaction alone, retries where they help.

No statement of any slice is written here.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg

from web.connections import AWAY, Connection, Pool, unavailable
from web.problems import Problem

__all__ = [
    "AWAY",
    "SNAPSHOT",
    "Connection",
    "Months",
    "Pool",
    "Raced",
    "Unbegun",
    "as_tenant",
    "open_pool",
    "retried",
    "unbegun",
]

logger = logging.getLogger("foresync.sync_api")

T = TypeVar("T")
ATTEMPTS = 12
# Seconds: for a connection, where all are in use, and for a statement.
PATIENCE = 30.0
COMMAND_TIMEOUT = 60.0
SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class Raced(Exception):  # noqa: N818 - nobody's error: somebody else was first
    """Somebody else committed what this transaction was about to write. Run it again: it will see the other's rows."""


def open_pool(url: str, *, size: int) -> Pool:
    """Connections of the server's own role; none is made yet."""
    return Pool(
        url,
        size=size,
        patience=PATIENCE,
        command_timeout=COMMAND_TIMEOUT,
        settings={
            "application_name": "foresync-sync-api",
            # our statements look up by key: planning them anew for every batch costs more than running them
            "plan_cache_mode": "force_generic_plan",
        },
    )


@asynccontextmanager
async def as_tenant(pool: Pool, tenant: str, *, mode: str = "") -> AsyncIterator[Connection]:
    """A transaction that sees and writes this tenant's rows alone. Commits at the end, rolls back on an error.

    mode: `SNAPSHOT` for one that writes nothing and sees one moment throughout."""
    async with pool.held() as connection:
        await _begin(connection, tenant, mode)
        try:
            yield connection
            await connection.execute("COMMIT")
        except BaseException:
            await _roll_back(connection)
            raise


class Unbegun:
    """A connection on which the tenant's transaction is begun when it is first needed.

    fetchrow: what sets the tenant by itself, a transaction each as long as none is begun. fetch: what is asked within.
    """

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant
        self.is_begun = False

    async def fetchrow(self, statement: str, *arguments: Any) -> "asyncpg.Record | None":
        return await self._connection.fetchrow(statement, *arguments)

    async def fetch(self, statement: str, *arguments: Any) -> "list[asyncpg.Record]":
        if not self.is_begun:
            self.is_begun = True
            await _begin(self._connection, self._tenant)
        return await self._connection.fetch(statement, *arguments)


@asynccontextmanager
async def unbegun(pool: Pool, tenant: str) -> AsyncIterator[Unbegun]:
    """A connection for the tenant. Commits at the end what was begun, rolls it back on an error."""
    async with pool.held() as connection:
        held = Unbegun(connection, tenant)
        try:
            yield held
            if held.is_begun:
                await connection.execute("COMMIT")
        except BaseException:
            if held.is_begun:
                await _roll_back(connection)
            raise


async def _begin(connection: Connection, tenant: str, mode: str = "") -> None:
    quoted = tenant.replace("'", "''")
    # one round trip for both; SET takes no parameters, hence the quoting
    await connection.execute(f"BEGIN {mode}; SET LOCAL foresync.tenant = '{quoted}'")


async def _roll_back(connection: Connection) -> None:
    """Leave the connection as good as new, or not at all: the next transaction must meet nothing of this one."""
    if connection.is_closed():
        return
    try:
        await connection.execute("ROLLBACK")
    except Exception:  # it is dying, and the error that led here says why
        connection.terminate()


async def retried(work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, run again after a deadlock, a serialization failure or a lost race.

    Problem 503 when it keeps happening, and when the database is away: the client keeps its queue and comes back.
    """
    for attempt in range(ATTEMPTS):
        try:
            return await work()
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError, Raced):
            await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311 - jitter, no secret
        except AWAY as error:
            logger.warning("the database is away: %r", error)
            raise unavailable() from error
    raise Problem(503, "busy", "Too many writers at once", retryable=True, headers={"Retry-After": "1"})


class Months:
    """The months of the log that this process knows to exist."""

    def __init__(self) -> None:
        self._known: set[tuple[int, int]] = set()

    async def ensure(self, pool: Pool, moments: set[datetime]) -> None:
        """Make the months of `moments` that are missing, before the transaction that writes into them."""
        for month in sorted({(moment.year, moment.month) for moment in moments} - self._known):
            async with pool.held() as connection:
                await connection.execute("SELECT sync.ensure_month($1)", datetime(*month, 15, tzinfo=UTC))
            self._known.add(month)
