"""Connections to PostgreSQL: held open, made again when lost. No statement lives here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from web.problems import Problem

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.pool.PoolConnectionProxy

# Seconds. An answer that took longer would come too late to warn anybody.
STATEMENT_TIMEOUT = 2.0
CONNECT_TIMEOUT = 3.0
RETRY_AFTER = 2

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    OSError,
    asyncio.TimeoutError,
)
# The statement itself is at fault, and would be again.
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.SyntaxOrAccessError, ValueError)


async def open_pool(url: str, *, size: int) -> Pool:
    """A pool that connects when first asked: the server starts, and says so, while PostgreSQL is away."""

    async def nothing_to_reset(_connection: object) -> None:
        """Every statement brings its own tenant, so that a used connection is as good as new."""

    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=STATEMENT_TIMEOUT,
        max_inactive_connection_lifetime=0,
        reset=nothing_to_reset,
        server_settings={"application_name": "foresync-serving", "timezone": "UTC", "jit": "off"},
    )


@asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """One connection. Problem 503 with Retry-After while PostgreSQL is away or too slow to be of use."""
    try:
        async with pool.acquire(timeout=CONNECT_TIMEOUT) as held:
            yield held
    except AWAY as error:
        raise Problem(
            503,
            "database_unavailable",
            "The database is away",
            retryable=True,
            headers={"Retry-After": str(RETRY_AFTER)},
        ) from error
