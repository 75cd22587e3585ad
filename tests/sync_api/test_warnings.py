"""Warnings on the stream: others raise the risk of an open edit, and its owner hears of it, once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from serving.settings import Settings
from tests.serving.cable import laid
from tests.serving.models import cached
from tests.serving.running import eventually, serve
from tests.sync_api.running import Tenant, change, running
from tests.sync_api.sse import Reader, streaming

SYNC = ("sync",)
SOON = 2.0  # seconds within which a warning is promised


@asynccontextmanager
async def predicting(serving_url: str, secret: str, cache: Path, **settings: Any) -> AsyncIterator[str]:
    """The address of a prediction server that warns as soon as anybody else is there."""
    cached(cache)
    chosen = {"withhold_share": 0.0} | settings
    async with serve(
        Settings(database_url=serving_url, jwt_secret=secret, tracking_uri=None, model_cache=cache, **chosen)
    ) as server:
        for _ in range(3):  # the first questions take long
            await server.ask("nobody", "nobody")
        yield server.url


@pytest.fixture(scope="module")
async def predictions(
    serving_url: str, jwt_secret: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    async with predicting(serving_url, jwt_secret, tmp_path_factory.mktemp("models") / "cache") as url:
        yield url


@pytest.fixture(scope="module")
async def server(api_url: str, jwt_secret: str, predictions: str) -> AsyncIterator[str]:
    async with running(api_url, jwt_secret, serving_url=predictions) as url:
        yield url


async def opened(tenant: Tenant, user: str, record: str) -> str:
    """The id of an edit that the user has opened."""
    wish = {"entity": "task", "server_id": record, "device_id": f"{user}-phone", "fields": ["title"]}
    answer = await tenant.http.post("/api/v1/edits", headers=tenant.headers(user, SYNC), json=wish)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["edit_id"])


async def created(tenant: Tenant, *records: str, **data: Any) -> None:
    """Records that a third user has made."""
    await tenant.device("cora").push(*(change("create", server_id=one, data={"title": "A"} | data) for one in records))


def about(stream: Reader) -> list[str]:
    """The edits that the stream has warned about."""
    return [told["edit_id"] for told in stream.all("warning")]


async def test_a_push_or_an_announcement_by_somebody_else_warns_the_owner_soon_and_once(
    tenant: Tenant, sql: Any
) -> None:
    async with streaming(tenant.http, tenant.headers("ann", SYNC), since=0) as stream:
        for n in range(6):  # on a machine that is busy with other things, one of them may be late
            edit, late = await opened(tenant, "ann", f"r{n}"), False
            if n % 2:
                await tenant.device("ben").one(op="create", server_id=f"r{n}", data={"title": "A"})
            else:
                await opened(tenant, "ben", f"r{n}")
            try:
                async with asyncio.timeout(SOON):
                    await stream.until(lambda reader, edit=edit: edit in about(reader))
            except TimeoutError:
                late = True
            if n > 1 and not late:
                break
        assert not late
        await stream.until(lambda reader: len(about(reader)) == n + 1)
        for version in range(3):  # and whatever else happens to it
            await tenant.device("ben").push(change("update", server_id="r1", data={"title": str(version)}))
            await opened(tenant, "dan", "r1")
            await asyncio.sleep(0.5)
        last = await opened(tenant, "ann", "last")
        await opened(tenant, "ben", "last")
        await stream.until(lambda reader: last in about(reader))
    assert len(set(about(stream))) == len(about(stream))
    told = stream.all("warning")[-1]
    assert told | {"prediction_id": None, "warning_message": None} == {
        "edit_id": last, "entity": "task", "server_id": "last", "conflict_probability": pytest.approx(0.9),
        "threshold": 0.7, "warning_message": None, "prediction_id": None,
    }  # fmt: skip
    assert "1 other person is working on it right now" in told["warning_message"]
    assert await sql.fetchval("SELECT count(*) FROM sync.edit_warning WHERE edit_id = $1", last) == 1
    logged = (
        "SELECT user_id, device_id, moment, edit_id::text, arm, features_json::jsonb -> 'request' ->> 'asked_by' AS by"
    )

    async def is_logged() -> Any:
        return await sql.fetchrow(f"{logged} FROM sync.prediction_log WHERE prediction_id = $1", told["prediction_id"])

    await eventually(is_logged)
    assert tuple(await is_logged()) == ("ann", "ann-phone", "edit_open", last, "shown", "foresync")


async def test_two_processes_warn_once_and_every_stream_of_the_owner_hears_it(
    api_url: str, jwt_secret: str, predictions: str, tenant: Tenant, sql: Any
) -> None:
    headers = tenant.headers("ann", SYNC)
    async with (
        running(api_url, jwt_secret, serving_url=predictions) as other,
        httpx.AsyncClient(base_url=other, timeout=30) as there,
        streaming(tenant.http, headers, since=0) as here_stream,
        streaming(there, headers, since=0) as there_stream,
    ):
        edits = [await opened(tenant, "ann", f"r{n}") for n in range(5)]
        for n in range(5):
            await opened(tenant, "ben", f"r{n}")
            await tenant.device("ben").one(op="create", server_id=f"r{n}", data={})
        for stream in (here_stream, there_stream):
            await stream.until(lambda reader: set(about(reader)) == set(edits))
        last = await opened(tenant, "ann", "last")
        await opened(tenant, "ben", "last")
        for stream in (here_stream, there_stream):
            await stream.until(lambda reader: last in about(reader))
            assert sorted(about(stream)) == sorted([*edits, last])
    assert await sql.fetchval("SELECT count(*) FROM sync.edit_warning WHERE tenant_id = $1", tenant.name) == 6


async def test_a_withheld_warning_is_logged_and_not_told(
    api_url: str, serving_url: str, jwt_secret: str, tenant: Tenant, tmp_path: Path, sql: Any
) -> None:
    async with (
        predicting(serving_url, jwt_secret, tmp_path / "cache", withhold_share=1.0) as predictions,
        running(api_url, jwt_secret, serving_url=predictions) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
        streaming(http, tenant.headers("ann", SYNC), since=0) as stream,
    ):
        edit = await opened(tenant, "ann", "r1")
        await opened(tenant, "ben", "r1")

        async def is_logged() -> Any:
            return await sql.fetchrow(
                "SELECT arm, predicted_conflict FROM sync.prediction_log WHERE edit_id = $1 AND predicted_conflict",
                edit,
            )

        await eventually(is_logged)
        assert tuple(await is_logged()) == ("withheld", True)
        await tenant.device("ben").one(op="create", server_id="r2", data={})
        await stream.until_told("poke")
    assert about(stream) == []
    assert await sql.fetchval("SELECT count(*) FROM sync.edit_warning WHERE edit_id = $1", edit) == 0


async def test_nobody_else_is_warned(new_tenant: Callable[[], Tenant]) -> None:
    ours, theirs = new_tenant(), new_tenant()
    async with (
        streaming(ours.http, ours.headers("ann", SYNC), since=0) as ann,
        streaming(ours.http, ours.headers("ben", SYNC), since=0) as ben,
        streaming(ours.http, theirs.headers("ann", SYNC), since=0) as stranger,
    ):
        elsewhere = await opened(theirs, "ann", "r1")
        edit = await opened(ours, "ann", "r1")
        later = await opened(ours, "ben", "r1")  # it is not others who raise the risk of an edit that comes later
        await ann.until(lambda reader: about(reader) == [edit])
        await opened(theirs, "ben", "r1")
        await stranger.until(lambda reader: about(reader) == [elsewhere])
        last = await opened(ours, "ben", "last")
        await opened(ours, "ann", "last")
        await ben.until(lambda reader: last in about(reader))
    assert (about(ann), about(ben), about(stranger)) == ([edit], [last], [elsewhere])
    assert later not in about(ben)


async def test_who_has_lost_the_record_or_closed_the_edit_is_not_warned(tenant: Tenant, sql: Any) -> None:
    boss, ann = tenant.headers("boss", ("admin",)), tenant.headers("ann", SYNC)
    for user in ("ann", "ben", "cora"):
        assert (await tenant.http.put(f"/api/v1/projects/p1/members/{user}", headers=boss)).is_success
    await created(tenant, "secret", project_id="p1")
    await created(tenant, "closed", "last")
    for one in ("secret", "closed", "last"):
        edit = await opened(tenant, "ann", one)
        if one == "closed":
            assert (await tenant.http.delete(f"/api/v1/edits/{edit}", headers=ann)).is_success
    assert (await tenant.http.delete("/api/v1/projects/p1/members/ann", headers=boss)).is_success
    async with streaming(tenant.http, ann) as stream:
        for one in ("secret", "closed", "last"):
            await tenant.device("ben").one(server_id=one, client_version=1, data={"title": "B"})
            await opened(tenant, "ben", one)
        await stream.until(lambda reader: edit in about(reader))
    assert about(stream) == [edit]
    rows = await sql.fetch("SELECT entity_id FROM sync.edit_warning WHERE tenant_id = $1", tenant.name)
    assert [row["entity_id"] for row in rows] == ["last"]


async def test_who_comes_back_hears_of_it_while_the_edit_is_open(
    api_url: str, jwt_secret: str, predictions: str, tenant: Tenant
) -> None:
    headers = tenant.headers("ann", SYNC)
    async with streaming(tenant.http, headers) as stream:
        edits = [await opened(tenant, "ann", f"r{n}") for n in range(3)]
        await tenant.device("cora").one(op="create", server_id="poke", data={})
        await stream.until_told("poke")
    before = stream.last_id
    for n in range(2):  # while nobody listens
        await opened(tenant, "ben", f"r{n}")
    async with (
        running(api_url, jwt_secret, serving_url=predictions) as another,
        httpx.AsyncClient(base_url=another, timeout=30) as there,
        streaming(there, headers, before) as stream,
    ):
        await stream.until(lambda reader: set(about(reader)) == set(edits[:2]))
        after = stream.last_id
    await tenant.http.delete(f"/api/v1/edits/{edits[0]}", headers=headers)
    async with (
        streaming(tenant.http, headers, before) as told_again,
        streaming(tenant.http, headers, after) as up_to_date,
    ):
        await opened(tenant, "ben", "r2")
        for one in (told_again, up_to_date):
            await one.until(lambda reader: edits[2] in about(reader))
    assert sorted(about(told_again)) == sorted(edits[1:])
    assert about(up_to_date) == edits[2:]


async def test_a_warning_that_could_not_be_had_is_had_later(
    api_url: str, jwt_secret: str, predictions: str, tenant: Tenant
) -> None:
    async with (
        laid(f"{predictions}/") as (cable, near),
        running(api_url, jwt_secret, serving_url=near) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
        streaming(http, tenant.headers("ann", SYNC), since=0) as stream,
    ):
        assert urlsplit(near).port == cable.port
        await cable.pull()
        edit = await opened(tenant, "ann", "r1")
        await tenant.device("ben").one(op="create", server_id="r1", data={})
        await stream.until_told("poke")
        await asyncio.sleep(1)
        assert about(stream) == []
        await cable.plug()
        await stream.until(lambda reader: about(reader) == [edit])
