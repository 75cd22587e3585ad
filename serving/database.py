"""Connections to PostgreSQL: held open, made again when lost. No statement lives here.

asyncpg's own pool is not used: one of its places is lost for good when a server's last words arrive between two
statements (it then has the connection for closed and its place for taken), so that some restarts of PostgreSQL later
nobody gets a connection any more. It also costs more than the checks that our statements need.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from web.problems import Problem

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

# Seconds. An answer that took longer would come too late to warn anybody.
STATEMENT_TIMEOUT = 2.0
CONNECT_TIMEOUT = 3.0
CLOSE_TIMEOUT = 2.0
RETRY_AFTER = 2

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it is ending, or starting
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # how asyncpg takes last words that it did not expect
    OSError,
    asyncio.TimeoutError,
)
# The statement itself is at fault, and would be again.
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.SyntaxOrAccessError, ValueError)


class Pool:
    """Up to `size` connections, made when first asked for: the server starts, and says so, while PostgreSQL is away."""

    def __init__(self, url: str, *, size: int) -> None:
        self._url = url
        self._places = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Connection]:
        """One connection, for the block. After any error but a refusal it is not used again: a new one is cheap, and
        certain to be well. Raises one of AWAY where none is to be had in time."""
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await self._places.acquire()
        try:
            connection = self._living() or await self._connect()
            try:
                yield connection
            except BaseException as error:
                if not isinstance(error, REFUSED) or connection.is_in_transaction():
                    connection.terminate()
                raise
            finally:
                if not connection.is_closed():
                    self._idle.append(connection)
        finally:
            self._places.release()

    async def close(self) -> None:
        """Close what is idle; what is in use is closed by whoever uses it."""
        for connection in self._idle:
            with contextlib.suppress(*AWAY):
                await connection.close(timeout=CLOSE_TIMEOUT)
        self._idle.clear()

    def _living(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _connect(self) -> Connection:
        return await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=STATEMENT_TIMEOUT,
            server_settings={"application_name": "foresync-serving", "timezone": "UTC", "jit": "off"},
        )


@asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """One connection. Problem 503 with Retry-After while PostgreSQL is away or too slow to be of use."""
    try:
        async with pool.held() as held:
            yield held
    except REFUSED:
        raise
    except AWAY as error:
        raise Problem(
            503,
            "database_unavailable",
            "The database is away",
            retryable=True,
            headers={"Retry-After": str(RETRY_AFTER)},
        ) from error
