"""`/healthz` (alive) and `/readyz` (able). No token: a balancer has none."""

import asyncio

import asyncpg
from fastapi import APIRouter, Request

from web.connections import AWAY, unavailable

router = APIRouter(tags=["health"])
PATIENCE_SECONDS = 2.0


@router.get("/healthz", operation_id="healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="readyz")
async def readyz(request: Request) -> dict[str, str]:
    """The database answers. 503 when it does not."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with request.app.state.engine.pool.held() as connection:
                await connection.fetchval("SELECT 1")
    except (asyncpg.PostgresError, *AWAY) as error:
        raise unavailable() from error
    return {"status": "ready"}
