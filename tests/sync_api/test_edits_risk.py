"""The risk in a presence answer: a real prediction server's, and nothing at all from one that misbehaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from serving.settings import Settings
from sync_api.db.tenants import ensure_tenant
from tests.serving.models import cached
from tests.serving.running import serve
from tests.sync_api.rude import rude
from tests.sync_api.running import Tenant, running

WISH = {"entity": "task", "server_id": "r", "device_id": "ann-phone", "fields": ["title"]}
PREDICTS = ("sync", "predict")


@contextlib.asynccontextmanager
async def asking(api_url: str, database_url: str, jwt_secret: str, serving: str) -> AsyncIterator[Tenant]:
    """A tenant of a sync server that asks `serving`."""
    ensure_tenant(database_url, "acme")
    async with (
        running(api_url, jwt_secret, serving_url=serving) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
    ):
        yield Tenant(http, jwt_secret, "acme")


async def test_the_risk_comes_from_the_prediction_server(
    api_url: str, serving_url: str, database_url: str, jwt_secret: str, tmp_path: Path, sql: Any
) -> None:
    cached(tmp_path / "cache")  # a model that warns as soon as anybody else is there
    settings = Settings(
        database_url=serving_url, jwt_secret=jwt_secret, tracking_uri=None, model_cache=tmp_path / "cache",
        model_poll=0.05, withhold_share=0.0,
    )  # fmt: skip
    async with serve(settings) as server, asking(api_url, database_url, jwt_secret, server.url) as tenant:
        ann, ben = tenant.headers("ann", PREDICTS), tenant.headers("ben", PREDICTS)
        # the first question to a server that has just begun may take longer than anybody waits
        for _ in range(50):
            edit = (await tenant.http.post("/api/v1/edits", headers=ann, json=WISH)).json()
            if edit["risk"]:
                break
            await asyncio.sleep(0.1)
        assert edit["risk"]["conflict_probability"] == pytest.approx(0.1)
        await tenant.http.post("/api/v1/edits", headers=ben, json=WISH | {"device_id": "ben-phone"})
        for _ in range(50):
            answer = await tenant.http.put(f"/api/v1/edits/{edit['edit_id']}", headers=ann, json={})
            if risk := answer.json()["risk"]:
                break
            await asyncio.sleep(0.1)
        assert (risk["conflict_probability"], risk["risk_level"]) == (pytest.approx(0.9), "high")
        assert risk["prediction_id"]
        again = {"fields": ["status"], "base_version": 3}
        await tenant.http.put(f"/api/v1/edits/{edit['edit_id']}", headers=ann, json=again)
        asked: list[Any] = []
        for _ in range(100):  # the log is written beside the answers
            asked = await sql.fetch(
                """SELECT moment, device_id, features_json::jsonb -> 'request' AS request FROM sync.prediction_log
                   WHERE edit_id = $1 ORDER BY asked_at""",
                edit["edit_id"],
            )
            if asked and "status" in asked[-1]["request"]:
                break
            await asyncio.sleep(0.05)
        assert (asked[0]["moment"], asked[-1]["moment"], asked[-1]["device_id"]) == (
            "edit_start", "edit_open", "ann-phone",
        )  # fmt: skip
        assert orjson.loads(asked[-1]["request"]) == {"client_version": 3, "fields": ["title", "status"]}
        nothing = await tenant.http.put(
            f"/api/v1/edits/{edit['edit_id']}", headers=tenant.headers("ann", ("sync",)), json={}
        )
        assert nothing.json()["risk"] is None  # a token that may not ask is told nothing


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"\x00rubbish\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[[[[[[[",
        b'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"risk_level": null}',
        b"HTTP/1.1 500 Oh no\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Elsewhere\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_a_prediction_server_that_misbehaves_costs_nothing_but_its_word(
    api_url: str, database_url: str, jwt_secret: str, answer: bytes | None
) -> None:
    async with rude(answer) as serving, asking(api_url, database_url, jwt_secret, serving) as tenant:
        for _ in range(4):
            told = await tenant.http.post("/api/v1/edits", headers=tenant.headers("ann", PREDICTS), json=WISH)
            assert (told.status_code, told.json()["status"], told.json()["risk"]) == (200, "open", None)


async def test_nobody_waits_for_an_answer_that_never_ends(api_url: str, database_url: str, jwt_secret: str) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
    async with rude(endless, drips=True) as serving, asking(api_url, database_url, jwt_secret, serving) as tenant:
        told = await tenant.http.post("/api/v1/edits", headers=tenant.headers("ann", PREDICTS), json=WISH, timeout=10)
        assert (told.status_code, told.json()["risk"]) == (200, None)
