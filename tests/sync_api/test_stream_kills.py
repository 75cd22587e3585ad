"""Streams when things end around them: the server itself, their connections to PostgreSQL, PostgreSQL."""

import asyncio
import secrets
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync_api.db.tenants import ensure_tenant
from tests.postgres_server import Postgres
from tests.sync_api.running import Tenant
from tests.sync_api.sse import GENEROUS, streaming
from tests.sync_api.test_kills import TENANT, Server


async def ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await http.get("/readyz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def test_a_server_that_is_asked_to_end_is_not_held_up_by_open_streams(
    api_url: str, database_url: str, tmp_path: Path
) -> None:
    ensure_tenant(database_url, TENANT)
    secret = secrets.token_hex(32)
    api = Server(api_url, secret, tmp_path / "api.log")
    api.start()
    try:
        async with httpx.AsyncClient(base_url=api.url, timeout=30) as http:
            await ready(http)
            headers = Tenant(http, secret, TENANT).headers("ann", ("sync",))
            async with streaming(http, headers, since=0) as one, streaming(http, headers, since=0) as other:
                api.process.send_signal(signal.SIGTERM)
                for stream in (one, other):
                    await stream.until(lambda reader: reader.is_over)
                    assert stream.told == [("end", {"reason": "draining"})]
                assert await asyncio.to_thread(api.process.wait, GENEROUS) in (0, -signal.SIGTERM)
    finally:
        api.kill()
        api.log.close()


async def test_a_stream_outlives_its_connections_to_the_database(tenant: Tenant, sql: Any) -> None:
    async with streaming(tenant.http, tenant.headers("ann", ("sync",)), since=0) as stream:
        await tenant.device("ben").one(op="create", server_id="r1", data={})
        await stream.until(lambda reader: reader.last_id == 1)
        await sql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'foresync_api'")
        for _ in range(100):
            ben = tenant.device("ben")
            answer = await ben.post(
                json=ben.envelope({"entity": "task", "op": "create", "offline_id": "x", "data": {}})
            )
            if answer.is_success:
                break
        await stream.until(lambda reader: reader.last_id == 2)
    assert [data["head"] for data in stream.all("poke")] == [1, 2]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_stream_outlives_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    ensure_tenant(postgres.url(), TENANT)
    secret = secrets.token_hex(32)
    api = Server(
        postgres.url("foresync_api"), secret, tmp_path / "api.log",
        FORESYNC_API_STREAM_HEARTBEAT_SECONDS="0.2",
    )  # fmt: skip
    api.start()
    try:
        async with httpx.AsyncClient(base_url=api.url, timeout=30) as http:
            await ready(http)
            tenant = Tenant(http, secret, TENANT)
            async with streaming(http, tenant.headers("ann", ("sync",)), since=0) as stream:
                postgres.kill()
                refused = await http.get("/api/v1/sync/stream", headers=tenant.headers("ann", ("sync",)))
                assert (refused.status_code, refused.json()["retryable"]) == (503, True)
                before = stream.comments
                await stream.until(lambda reader: reader.comments > before + 5)
                await asyncio.to_thread(postgres.start)
                await ready(http)
                await tenant.device("ben").one(op="create", server_id="r1", data={})
                await stream.until_told("poke")
            assert stream.told == [("poke", {"head": 1})]
    finally:
        api.kill()
        api.log.close()
