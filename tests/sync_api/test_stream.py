"""The stream: a poke when there is something to pull, a conflict to whom it concerns, and nothing missed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.sync_api.replica import Replica
from tests.sync_api.running import Tenant, change, running
from tests.sync_api.sse import GENEROUS, streaming
from web.auth import LEEWAY, mint

SYNC = ("sync",)


async def quarrel(tenant: Tenant, name: str = "r1") -> dict[str, Any]:
    """An open conflict of ann's."""
    await tenant.policy("manual")
    await tenant.device("ben").one(op="create", server_id=name, data={"title": "A"})
    await tenant.device("ben").one(server_id=name, client_version=1, data={"title": "B"})
    open_ = await tenant.device("ann").one(server_id=name, client_version=1, data={"title": "C"})
    assert open_["list"] == "conflicts"
    return open_


async def settle(tenant: Tenant, conflict: dict[str, Any]) -> None:
    answer = await tenant.http.post(
        f"/api/v1/conflicts/{conflict['conflict_id']}/resolve",
        headers=tenant.headers("ops", ("operate",)),
        json={"choice": "use_server", "expected_version": conflict["server_version"]},
    )
    assert answer.status_code == 200, answer.text


async def test_a_push_by_another_device_pokes_and_the_feed_then_has_it(tenant: Tenant) -> None:
    reader = Replica(tenant, "ann")
    await reader.pull()
    async with streaming(tenant.http, tenant.headers("ann", SYNC), since=reader.next) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in stream.response.headers
        assert stream.response.headers["x-server-time"]
        await tenant.device("ben").one(op="create", server_id="r1", data={"title": "A"})
        ((name, poke),) = await stream.until_told("poke")
        assert (name, stream.last_id) == ("poke", poke["head"])
    assert [c["server_id"] for c in await reader.pull()] == ["r1"]
    assert reader.next == poke["head"]


async def test_nobody_is_poked_for_what_is_not_in_the_feed(tenant: Tenant) -> None:
    await tenant.device("ann").one(op="create", server_id="r1", data={})
    async with streaming(tenant.http, tenant.headers("ann", SYNC), since=1) as stream:
        for _ in range(3):  # presence moves the clock, too
            opened = await tenant.http.post(
                "/api/v1/edits", headers=tenant.headers("ben", SYNC),
                json={"entity": "task", "server_id": "r1", "device_id": "ben-phone"},
            )  # fmt: skip
            assert opened.status_code == 200
            await asyncio.sleep(0.3)
        await tenant.device("ben").one(op="create", server_id="r2", data={})
        await stream.until_told("poke")
    assert stream.told == [("poke", {"head": 5})]


async def test_many_pushes_are_few_pokes_and_the_last_is_the_newest(tenant: Tenant) -> None:
    async with streaming(tenant.http, tenant.headers("ann", SYNC), since=0) as stream:
        for n in range(50):
            await tenant.device("ben").push(*(change("create", server_id=f"r{n}-{m}", data={}) for m in range(20)))
        await stream.until(lambda reader: reader.last_id == 1000)
        heads = [poke["head"] for poke in stream.all("poke")]
    assert heads == sorted(set(heads))
    assert heads[-1] == 1000
    assert len(heads) < 50


async def test_who_comes_back_is_told_at_once_what_was_missed(tenant: Tenant) -> None:
    await tenant.device("ben").one(op="create", server_id="r0", data={})
    async with streaming(tenant.http, tenant.headers("ann", SYNC)) as stream:
        assert await stream.until_told("poke") == [("poke", {"head": 1})]  # it says not where it is: it may miss all
    last = stream.last_id
    conflict = await quarrel(tenant)
    async with streaming(tenant.http, tenant.headers("ann", SYNC), last, since=0) as stream:
        told = await stream.until_told("poke", "conflict")
        newest = stream.last_id
        assert newest
    assert told == [
        ("conflict", {"conflict_id": conflict["conflict_id"], "entity": "task", "server_id": "r1", "status": "open"}),
        ("poke", {"head": newest}),
    ]
    async with streaming(tenant.http, tenant.headers("ann", SYNC), newest) as stream:
        await settle(tenant, conflict)
        await stream.until_told("conflict")
    assert stream.all("conflict") == [
        {"conflict_id": conflict["conflict_id"], "entity": "task", "server_id": "r1", "status": "resolved"}
    ]


async def test_a_conflict_reaches_whose_change_it_is_and_nobody_else(new_tenant: Callable[[], Tenant]) -> None:
    ours, theirs = new_tenant(), new_tenant()
    http = ours.http
    async with (
        streaming(http, ours.headers("ann", SYNC), since=0) as ann,
        streaming(http, ours.headers("ben", SYNC), since=0) as ben,
        streaming(http, theirs.headers("ann", SYNC), since=0) as stranger,
    ):
        for device in ("ben", "ann"):  # what is settled by itself is told nobody
            await ours.policy("client_wins")
            await ours.device(device).one(server_id="r0", client_version=0, data={"title": device})
        conflict = await quarrel(ours)
        await ann.until(lambda reader: reader.all("conflict"))
        await settle(ours, conflict)
        await ann.until(lambda reader: len(reader.all("conflict")) == 2)
        await ours.device("ben").one(op="create", server_id="last", data={})
        head = (await Replica(ours).page())["next"]
        await ben.until(lambda reader: reader.last_id == head)
        await theirs.device("x").one(op="create", server_id="own", data={})
        await stranger.until_told("poke")
    assert [one["status"] for one in ann.all("conflict")] == ["open", "resolved"]
    assert {name for name, _ in ben.told} == {"poke"}
    assert stranger.told == [("poke", {"head": 1})]


async def test_a_conflict_is_not_told_to_who_may_no_longer_see_the_record(tenant: Tenant) -> None:
    async def member(method: str) -> None:
        answer = await tenant.http.request(
            method, "/api/v1/projects/p1/members/ann", headers=tenant.headers("boss", ("admin",))
        )
        assert answer.status_code in (200, 201, 204), answer.text

    await member("PUT")
    ben_project = await tenant.http.put("/api/v1/projects/p1/members/ben", headers=tenant.headers("boss", ("admin",)))
    assert ben_project.status_code in (200, 201, 204)
    await tenant.policy("manual")
    await tenant.device("ben").one(op="create", server_id="r1", data={"title": "A", "project_id": "p1"})
    await tenant.device("ben").one(server_id="r1", client_version=1, data={"title": "B"})
    conflict = await tenant.device("ann").one(server_id="r1", client_version=1, data={"title": "C"})
    assert conflict["list"] == "conflicts"
    async with streaming(tenant.http, tenant.headers("ann", SYNC), since=1) as before:
        await before.until_told("conflict")
    await member("DELETE")
    async with streaming(tenant.http, tenant.headers("ann", SYNC), since=1) as after:
        await settle(tenant, conflict)
        await tenant.device("ben").one(op="create", server_id="r2", data={})
        head = (await Replica(tenant).page())["next"]
        await after.until(lambda reader: reader.last_id == head)
    assert after.all("conflict") == []


async def test_what_cannot_be_continued_is_said_before_and_while_it_streams(tenant: Tenant, sql: Any) -> None:
    for n in range(9):
        await tenant.device("ann").one(op="create", server_id=f"r{n}", data={})
    await sql.execute("UPDATE sync.tenant_clock SET tombstone_horizon_seq = 5 WHERE tenant_id = $1", tenant.name)
    headers = tenant.headers("ann", SYNC)
    epoch = (await Replica(tenant).page())["epoch"]
    other = "00000000-0000-0000-0000-000000000000"
    for params, reason in [
        ({"since": 4}, "horizon"),
        ({"since": 10}, "position"),
        ({"since": 9, "epoch": other}, "epoch"),
    ]:
        async with streaming(tenant.http, headers, **params) as stream:
            await stream.until_told("resync")
            assert stream.told[0] == ("resync", {"reason": reason})
    async with streaming(tenant.http, headers, since=9, epoch=epoch) as stream:
        await sql.execute("UPDATE sync.tenant SET epoch = gen_random_uuid() WHERE tenant_id = $1", tenant.name)
        await stream.until_told("resync")
        assert stream.told == [("resync", {"reason": "epoch"})]
        await tenant.device("ann").one(op="create", server_id="after", data={})
        await stream.until_told("poke")


async def test_it_ends_with_its_token(tenant: Tenant, jwt_secret: str) -> None:
    nearly = mint(jwt_secret, tenant=tenant.name, user="ann", scopes=SYNC, expires_in=timedelta(seconds=2 - LEEWAY))
    async with streaming(tenant.http, {"Authorization": f"Bearer {nearly}"}, since=0) as stream:
        await stream.until(lambda reader: reader.is_over)
    assert stream.told == [("end", {"reason": "expired"})]


@pytest.fixture
async def small(api_url: str, jwt_secret: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server that takes few streams."""
    few = {"api_streams": 3, "api_streams_per_user": 2, "api_stream_heartbeat_seconds": 0.1}
    async with running(api_url, jwt_secret, **few) as url, httpx.AsyncClient(base_url=url, timeout=30) as http:
        yield http


async def test_streams_are_limited_by_user_and_by_process(small: httpx.AsyncClient, tenant: Tenant) -> None:
    ann, ben = tenant.headers("ann", SYNC), tenant.headers("ben", SYNC)

    async def refused(headers: dict[str, str]) -> tuple[int, str, bool]:
        answer = await small.get("/api/v1/sync/stream", headers=headers)
        assert int(answer.headers["retry-after"]) > 0
        return answer.status_code, answer.json()["code"], answer.json()["retryable"]

    async with streaming(small, ann, since=0), streaming(small, ann, since=0) as second:
        assert await refused(ann) == (429, "too_many_streams", True)
        async with streaming(small, ben, since=0):
            assert await refused(tenant.headers("cora", SYNC)) == (429, "too_many_streams", True)
        await second.until(lambda reader: reader.comments > 2)  # heartbeats, with nothing else to say
    async with asyncio.timeout(GENEROUS):  # their places are given back once they have gone
        while True:
            async with small.stream("GET", "/api/v1/sync/stream", headers=ann) as answer:
                if answer.is_success:
                    break
            await asyncio.sleep(0.05)


async def test_a_stream_does_not_last_for_ever(api_url: str, jwt_secret: str, tenant: Tenant) -> None:
    async with (
        running(api_url, jwt_secret, api_stream_seconds=0.2) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
        streaming(http, tenant.headers("ann", SYNC), since=0) as stream,
    ):
        await stream.until(lambda reader: reader.is_over)
    assert stream.told == [("end", {"reason": "rotated"})]


@pytest.mark.parametrize("wrong", [{"since": -1}, {"since": "x"}, {"since": 2**63}, {"epoch": "now"}])
async def test_a_bad_parameter_is_a_problem(tenant: Tenant, wrong: dict[str, Any]) -> None:
    headers = tenant.headers("ann", SYNC)
    answer = await tenant.http.get("/api/v1/sync/stream", params=wrong, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    answer = await tenant.http.get("/api/v1/sync/stream", headers=headers | {"Last-Event-ID": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
