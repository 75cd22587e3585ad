"""What watching over open edits may cost: nothing when the prediction server misbehaves, little when many edit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest

from sync_api.warnings import watch
from tests.serving.running import eventually
from tests.sync_api.rude import heard, rude, speaking
from tests.sync_api.running import Tenant, change, running
from tests.sync_api.sse import streaming
from tests.sync_api.test_warnings import SYNC, about, opened

RUBBISH = [
    None,
    b"\x00rubbish\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[[[[[[[",
    b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"predictions":[]}',
    b'HTTP/1.1 200 OK\r\nContent-Length: 67\r\n\r\n{"predictions":[{"risk_level":"high","conflict_probability":1e99}]}',
    b"HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 500 Oh no\r\nContent-Length: 0\r\n\r\n",
]


@pytest.mark.parametrize("answer", RUBBISH)
async def test_a_prediction_server_that_misbehaves_costs_nobody_anything_but_the_warning(
    api_url: str, jwt_secret: str, tenant: Tenant, answer: bytes | None
) -> None:
    async with rude(answer) as predictions:
        await _works_without_warnings(api_url, jwt_secret, tenant, predictions)


async def test_so_does_one_that_is_dead(api_url: str, jwt_secret: str, tenant: Tenant) -> None:
    async with rude(None) as predictions:
        pass
    await _works_without_warnings(api_url, jwt_secret, tenant, predictions)


async def _works_without_warnings(api_url: str, jwt_secret: str, tenant: Tenant, predictions: str) -> None:
    async with (
        running(api_url, jwt_secret, serving_url=predictions) as url,
        httpx.AsyncClient(base_url=url, timeout=5) as http,
    ):
        near = Tenant(http, jwt_secret, tenant.name)
        headers = near.headers("ann", SYNC)
        async with streaming(http, headers, since=0) as stream:
            for n in range(2):
                await opened(near, "ann", f"r{n}")
                told = await near.device("ben").one(op="create", server_id=f"r{n}", data={"title": "A"})
                assert told["status"] == "applied"
                await stream.until(lambda reader, n=n: len(reader.all("poke")) > n)
                page = (await http.get("/api/v1/sync/changes", headers=headers)).json()
                assert len(page["changes"]) == n + 1
            await asyncio.sleep(watch.PAUSE_SECONDS)
            assert about(stream) == []


@asynccontextmanager
async def calm(asked: list[list[str]]) -> AsyncIterator[str]:
    """A prediction server that warns of nothing, and notes which edits it was asked about in each question."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        items = orjson.loads(await heard(reader))["items"]
        asked.append([item["edit_id"] for item in items])
        body = orjson.dumps({"predictions": [{"conflict_probability": 0.1, "risk_level": "low"}] * len(items)})
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async with speaking(speak) as url:
        yield url


async def test_a_busy_record_is_asked_about_now_and_then(api_url: str, jwt_secret: str, tenant: Tenant) -> None:
    asked: list[list[str]] = []
    async with (
        calm(asked) as predictions,
        running(api_url, jwt_secret, serving_url=predictions) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
        streaming(http, tenant.headers("ann", SYNC), since=0),
    ):
        edit = await opened(tenant, "ann", "r1")
        clock, pushes = asyncio.get_running_loop().time, 0
        began = clock()
        while clock() < began + 4 * watch.PAUSE_SECONDS or pushes < 20:
            pushes += 1
            await tenant.device("ben").push(
                change("update", server_id="r1", client_version=0, data={"title": str(pushes)})
            )

        async def is_asked() -> bool:
            return bool(asked)

        await eventually(is_asked)
        most = 2 + (clock() - began) / watch.PAUSE_SECONDS
    assert {tuple(edits) for edits in asked} == {(edit,)}
    assert 1 < len(asked) <= most


async def test_many_open_edits_are_asked_about_a_few_at_a_time_and_each_once(
    api_url: str, jwt_secret: str, tenant: Tenant, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PAUSE_SECONDS", 0.05)
    asked: list[list[str]] = []
    await sql.execute(
        """INSERT INTO sync.edit_session_event (tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type,
             entity_id, received_at, expires_at)
           SELECT $1, uuidv7(), n, uuidv7(), 'opened', 'ann', 'ann-phone', 'task', 'r' || n, now(), now() + '1 h'
           FROM generate_series(1, 1000) AS n""",
        tenant.name,
    )
    await sql.execute("UPDATE sync.tenant_clock SET seq = 1000 WHERE tenant_id = $1", tenant.name)
    async with (
        calm(asked) as predictions,
        running(api_url, jwt_secret, serving_url=predictions) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
        streaming(http, tenant.headers("ann", SYNC), since=0),
    ):
        everything = [change("create", server_id=f"r{n}", data={}) for n in range(1, 1001)]
        for start in range(0, 1000, 500):
            await tenant.device("ben").push(*everything[start : start + 500])

        async def are_all() -> bool:
            return sum(map(len, asked)) >= 1000

        await eventually(are_all, 400)
        async with streaming(http, tenant.headers("ann", SYNC), since=0):  # what is known needs no asking
            await asyncio.sleep(1)
    assert max(map(len, asked)) <= watch.ASKED_TOGETHER
    names = [edit for edits in asked for edit in edits]
    assert (len(names), len(set(names))) == (1000, 1000)


async def test_a_look_does_not_try_every_record_with_everybody_who_listens(tenant: Tenant, sql: Any) -> None:
    await sql.execute(
        """INSERT INTO sync.record (tenant_id, entity_type, entity_id, version, data, seq, updated_at, updated_by,
             first_event_at)
           SELECT $1, 'task', 'r' || n, 1, '{}', n, now(), 'ben', now() FROM generate_series(1, 300) AS n""",
        tenant.name,
    )
    await sql.execute(
        """INSERT INTO sync.edit_session_event (tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type,
             entity_id, received_at, expires_at)
           SELECT $1, uuidv7(), n / 300 - 20, lpad((n % 300)::text, 32, '0')::uuid, 'renewed', 'u' || n % 300, 'd',
             'task', 'r' || n % 300, now(), now() + '1 h'
           FROM generate_series(0, 5999) AS n""",
        tenant.name,
    )
    await sql.execute("ANALYZE sync.record; ANALYZE sync.edit_session_event")
    listening = orjson.dumps({f"u{n}": None for n in range(300)}).decode()
    async with sql.transaction():
        found = await sql.fetch("SELECT sync.stream_stirred_edits($1, $2, $3, 999)", [tenant.name], [0], [listening])
        scans = await sql.fetchval(
            "SELECT idx_scan + seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'edit_session_event'"
        )
    assert (len(found), scans < 60 * 300) == (299, True), scans
