"""The prediction server's connections to PostgreSQL. No statement lives here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from web.connections import AWAY, Connection, Pool, unavailable

__all__ = ["AWAY", "REFUSED", "STATEMENT_TIMEOUT", "Connection", "Pool", "connection", "open_pool"]

# Seconds. An answer that took longer would come too late to warn anybody.
STATEMENT_TIMEOUT = 2.0
PATIENCE = 3.0

# The statement itself is at fault, and would be again.
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.SyntaxOrAccessError, ValueError)


def open_pool(url: str, *, size: int) -> Pool:
    """Connections of the server's own role; none is made yet."""
    return Pool(
        url,
        size=size,
        patience=PATIENCE,
        command_timeout=STATEMENT_TIMEOUT,
        settings={"application_name": "foresync-serving"},
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
        raise unavailable() from error
