"""The sync server, and PostgreSQL, killed in the middle of a load: what clients were told and what is stored agree.

On a cluster of its own that syncs to disk. Clients keep a ledger of what they were told and send again whatever they
have no answer for, with the same names.
"""

import asyncio
import os
import random
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from foresync import ports
from sync_api.db.tenants import ensure_tenant
from tests.postgres_server import Postgres
from tests.sync_api.running import change, now
from web.auth import mint

TENANT, RECORDS, CLIENTS, PUSHES = "field", 12, 6, 40
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Server:
    """The sync server as the platform runs it: a process of its own, always on the same port."""

    def __init__(self, api_url: str, secret: str, log: Path, **more: str) -> None:
        self.port, self.log = ports.any_free(), log.open("wb")
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {**os.environ, "FORESYNC_API_DATABASE_URL": api_url, "FORESYNC_JWT_SECRET": secret, **more}

    def start(self) -> None:
        factory = ("sync_api.app:create_app", "--factory", "--port", str(self.port), "--no-access-log")
        command = [sys.executable, "-m", "uvicorn", *factory]
        self.process = subprocess.Popen(command, env=self.env, stdout=self.log, stderr=self.log)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Client:
    """A device with a ledger: offline_id → the verdict that it was told."""

    def __init__(self, http: httpx.AsyncClient, secret: str, n: int) -> None:
        self.http, self.name, self.random = http, f"user-{n}", random.Random(n)
        token = mint(secret, tenant=TENANT, user=self.name, scopes=("sync",), expires_in=timedelta(hours=1))
        self.headers = {"Authorization": f"Bearer {token}"}
        self.ledger: dict[str, dict[str, Any]] = {}
        self.failures = 0
        self.versions = dict.fromkeys((f"r{r}" for r in range(RECORDS)), 0)

    async def work(self, told: Callable[[], None]) -> None:
        for turn in range(PUSHES):
            names = self.random.sample(sorted(self.versions), 5)
            queue = [
                change(
                    "update", server_id=r, client_version=self.versions[r], data={self.name: turn, "last": self.name}
                )
                for r in names
            ]
            for item in await self._until_answered(queue):
                assert item["offline_id"] not in self.ledger
                self.ledger[item["offline_id"]] = item
                self.versions[item["server_id"]] = item["new_version"]
            told()

    async def _until_answered(self, queue: list[dict[str, Any]]) -> list[dict[str, Any]]:
        body = {"device_id": f"{self.name}-phone", "client_time": now(), "changes": queue}
        while True:
            with suppress(httpx.TransportError):
                answer = await self.http.post("/api/v1/sync/push", headers=self.headers, json=body)
                if answer.status_code == 200:
                    assert answer.json()["summary"]["applied"] == len(queue), answer.text
                    return list(answer.json()["applied"])
                assert answer.status_code == 503, answer.text
                assert answer.json()["retryable"] is True
            self.failures += 1
            await asyncio.sleep(0.1)


@contextmanager
def _api(postgres: Postgres, folder: Path, secret: str) -> Iterator[Server]:
    ensure_tenant(postgres.url(), TENANT)
    server = Server(postgres.url("foresync_api"), secret, folder / "api.log")
    server.start()
    try:
        yield server
    finally:
        server.kill()
        server.log.close()


async def test_the_server_is_killed_again_and_again(postgres: Postgres, tmp_path: Path) -> None:
    secret = secrets.token_hex(32)
    with _api(postgres, tmp_path, secret) as api:

        async def again() -> None:
            api.kill()
            await asyncio.sleep(0.2)
            api.start()

        await _load_and_compare(api.url, secret, postgres, again)


async def test_postgresql_is_killed_again_and_again(postgres: Postgres, tmp_path: Path) -> None:
    secret = secrets.token_hex(32)
    with _api(postgres, tmp_path, secret) as api:

        async def again() -> None:
            postgres.kill()
            await asyncio.to_thread(postgres.start)

        await _load_and_compare(api.url, secret, postgres, again)


async def _load_and_compare(url: str, secret: str, postgres: Postgres, disturb: Callable[[], Awaitable[None]]) -> None:
    """Disturb after every fifth of the load; compare at the end."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        clients = [Client(http, secret, n) for n in range(CLIENTS)]
        done, step = Counter[str](), CLIENTS * PUSHES // 5
        reached = asyncio.Semaphore(0)

        def told() -> None:
            done["pushes"] += 1
            if done["pushes"] % step == 0:
                reached.release()

        async def trouble() -> None:
            for _ in range(4):
                await reached.acquire()
                await disturb()

        await asyncio.gather(trouble(), *(client.work(told) for client in clients))
    assert sum(client.failures for client in clients), "nobody noticed: nothing was in the way"
    await _compare(postgres.url(), clients)


async def _compare(database_url: str, clients: list[Client]) -> None:
    sql = await asyncpg.connect(database_url)
    answers = await sql.fetch("SELECT * FROM sync.applied_change")
    log = await sql.fetch("SELECT * FROM sync.sync_log ORDER BY seq")
    records = {row["entity_id"]: row for row in await sql.fetch("SELECT * FROM sync.record")}
    clock = await sql.fetchval("SELECT seq FROM sync.tenant_clock")
    requests = await sql.fetchval("SELECT count(*) FROM sync.sync_request WHERE replayed_count = 0")
    await sql.close()
    ledger = {name: item for client in clients for name, item in client.ledger.items()}
    assert len(ledger) == len(answers) == len(log) == CLIENTS * PUSHES * 5
    assert requests == CLIENTS * PUSHES
    assert [row["seq"] for row in log] == list(range(1, len(log) + 1))
    assert clock == len(log)
    for row in answers:
        told, stored = ledger[row["offline_id"]], orjson.loads(row["answer"])["answer"]
        same = stored.keys() - {"status"}
        assert {name: told[name] for name in same} == {name: stored[name] for name in same}
    events = {row["offline_id"]: row for row in log}
    for name, told in ledger.items():
        assert str(events[name]["id"]) == told["sync_event_id"]
        assert events[name]["new_version"] == told["new_version"]
    for entity_id, row in records.items():
        versions = [event["new_version"] for event in log if event["entity_id"] == entity_id]
        assert versions == list(range(1, row["version"] + 1))
        data = orjson.loads(row["data"])
        for client in clients:
            last = [e for e in log if e["entity_id"] == entity_id and e["user_id"] == client.name][-1:]
            assert [data[client.name]] == [orjson.loads(e["field_changes"])[client.name]["new"] for e in last]
