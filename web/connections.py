"""Connections to PostgreSQL: held open, made again when lost. No statement lives here.

asyncpg's own pool is not used: one of its places is lost for good when a server's last words arrive between two
statements (it then has the connection for closed and its place for taken), so that some restarts of PostgreSQL later
nobody gets a connection any more. It also costs more than the checks that our statements need.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from web.problems import Problem

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

# Seconds.
CONNECT_TIMEOUT = 3.0
CLOSE_TIMEOUT = 2.0
RETRY_AFTER = 2

# PostgreSQL is not there, or not in time.
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it is ending, or starting
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # how asyncpg takes last words that it did not expect
    OSError,
    asyncio.TimeoutError,
)


def unavailable() -> Problem:
    """What a server says while one of AWAY is so: come back later, nothing is lost."""
    return Problem(
        503, "database_unavailable", "The database is away", retryable=True, headers={"Retry-After": str(RETRY_AFTER)}
    )


class Pool:
    """Up to `size` connections, made when first asked for: the server starts, and says so, while PostgreSQL is away.

    `patience`: seconds to wait for another to be done; `command_timeout`: seconds for a statement that names none.
    Nothing is reset between two uses: what a block sets, it sets for a transaction.
    """

    def __init__(
        self, url: str, *, size: int, patience: float, command_timeout: float, settings: Mapping[str, str]
    ) -> None:
        self._url = url
        self._patience = patience
        self._command_timeout = command_timeout
        self._settings = {"timezone": "UTC", "jit": "off", **settings}
        self._places = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Connection]:
        """One connection, for the block. One that is left in a transaction, or was in the middle of something, is not
        used again: a new one is cheap, and certain to be well. Raises one of AWAY where none is to be had in time."""
        async with asyncio.timeout(self._patience):
            await self._places.acquire()
        try:
            connection = self._living() or await self._connect()
            try:
                yield connection
            except (*AWAY, asyncio.CancelledError):
                connection.terminate()
                raise
            finally:
                self._take_back(connection)
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

    def _take_back(self, connection: Connection) -> None:
        if not connection.is_closed() and connection.is_in_transaction():
            connection.terminate()
        if not connection.is_closed():
            self._idle.append(connection)

    async def _connect(self) -> Connection:
        return await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=self._command_timeout,
            server_settings=self._settings,
        )
