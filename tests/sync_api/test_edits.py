"""Presence over HTTP: announced, kept open, closed by its own user or by the push that ends it."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sync_api.edits import risk
from tests.sync_api.running import Tenant, change


class Editor:
    """A user's presence calls."""

    def __init__(self, tenant: Tenant, user: str) -> None:
        self.tenant = tenant
        self.user = user

    async def call(self, method: str, path: str = "", body: Any = None) -> tuple[int, dict[str, Any]]:
        answer = await self.tenant.http.request(
            method, f"/api/v1/edits{path}", headers=self.tenant.headers(self.user, ("sync",)), json=body
        )
        return answer.status_code, answer.json()

    async def open(self, **rest: Any) -> tuple[int, dict[str, Any]]:
        wish = {"entity": "task", "server_id": "r", "device_id": f"{self.user}-phone"}
        return await self.call("POST", "", wish | rest)


async def events(sql: Any, tenant: Tenant) -> list[Any]:
    return list(await sql.fetch("SELECT * FROM sync.edit_session_event WHERE tenant_id = $1 ORDER BY seq", tenant.name))


async def test_an_edit_is_opened_renewed_and_closed(tenant: Tenant, sql: Any) -> None:
    ann = Editor(tenant, "ann")
    status, edit = await ann.open(base_version=5, fields=["title"], expires_in=60)
    assert status == 200, edit
    assert (edit["status"], edit["base_version"], edit["fields"], edit["risk"]) == ("open", 5, ["title"], None)
    path = f"/{edit['edit_id']}"
    assert (await ann.call("PUT", path, {}))[1]["expires_at"] > edit["expires_at"]
    renewed = (await ann.call("PUT", path, {"fields": ["status", "title"], "base_version": 6}))[1]
    assert (renewed["fields"], renewed["base_version"]) == (["title", "status"], 6)
    closed = await ann.call("DELETE", path)
    assert closed[1]["status"] == "closed"
    assert await ann.call("DELETE", path) == closed
    assert (await ann.call("PUT", path, {}))[1]["code"] == "edit_closed"
    rows = await events(sql, tenant)
    assert [row["event"] for row in rows] == ["opened", "renewed", "fields", "closed"]
    assert [row["fields"] for row in rows] == [["title"], ["title"], ["title", "status"], ["title", "status"]]
    assert (rows[0]["expires_at"] - rows[0]["received_at"]).total_seconds() == 60
    assert len({row["seq"] for row in rows}) == 4
    assert rows[-1]["seq"] <= await sql.fetchval("SELECT seq FROM sync.tenant_clock WHERE tenant_id = $1", tenant.name)


async def test_the_same_edit_announced_again_adds_nothing(tenant: Tenant, sql: Any) -> None:
    ann, edit_id = Editor(tenant, "ann"), str(uuid.uuid4())
    answers = await asyncio.gather(*(ann.open(edit_id=edit_id) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert len(await events(sql, tenant)) == 1
    assert (await ann.open(edit_id=edit_id, server_id="another"))[1]["code"] == "edit_id_taken"


async def test_fields_announced_at_once_are_all_kept(tenant: Tenant, sql: Any) -> None:
    ann = Editor(tenant, "ann")
    path = f"/{(await ann.open())[1]['edit_id']}"
    await asyncio.gather(*(ann.call("PUT", path, {"fields": [f"f{number}"]}) for number in range(6)))
    assert set((await events(sql, tenant))[-1]["fields"]) == {f"f{number}" for number in range(6)}


async def test_only_its_own_user_may_touch_an_edit(new_tenant: Callable[[], Tenant]) -> None:
    tenant = new_tenant()
    ann, ben, stranger = Editor(tenant, "ann"), Editor(tenant, "ben"), Editor(new_tenant(), "ann")
    edit_id = (await ann.open())[1]["edit_id"]
    for method, body in (("PUT", {}), ("DELETE", None)):
        status, problem = await ben.call(method, f"/{edit_id}", body)
        assert (status, problem["code"]) == (403, "edit_of_another_user")
        status, problem = await stranger.call(method, f"/{edit_id}", body)
        assert (status, problem["code"]) == (404, "edit_not_found")
    assert (await ben.open(edit_id=edit_id))[1]["code"] == "edit_of_another_user"
    await tenant.device("ann").one(op="create", data={"title": "t"})
    assert (await ben.open(device_id="ann-phone"))[1]["code"] == "device_of_another_user"


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"entity": "no_such_type"}, 404, "unknown_entity"),
        ({"server_id": ""}, 422, "validation_error"),
        ({"fields": ["a\x00"]}, 422, "validation_error"),
        ({"expires_in": 5}, 422, "validation_error"),
        ({"expires_in": 86400}, 422, "validation_error"),
        ({"edit_id": "mine"}, 422, "validation_error"),
        ({"base_version": -1}, 422, "validation_error"),
        ({"else": 1}, 422, "validation_error"),
    ],
)
async def test_what_cannot_be_meant_is_refused(tenant: Tenant, wish: Any, status: int, code: str) -> None:
    got, problem = await Editor(tenant, "ann").open(**wish)
    assert (got, problem["code"]) == (status, code)


async def test_a_push_that_names_an_edit_closes_it(tenant: Tenant, sql: Any) -> None:
    ann = Editor(tenant, "ann")
    mine, kept = [(await ann.open(fields=["title"]))[1]["edit_id"] for _ in range(2)]
    theirs = (await Editor(tenant, "ben").open())[1]["edit_id"]
    pushed = change("create", server_id="r", data={"title": "t"}, edit_id=mine)
    phone = tenant.device("ann")
    await phone.push(
        pushed,
        change(server_id="r", client_version=1, data={"title": "u"}, edit_id=mine),
        change(server_id="r", client_version=1, data={"title": "v"}, edit_id=theirs),
        change(server_id="r", client_version=1, data={"title": "w"}, edit_id=str(uuid.uuid4())),
        change(server_id="r", client_version=99, data={"title": "x"}, edit_id=kept),  # rejected: not at its end
    )
    await phone.push(pushed)
    rows = await sql.fetch(
        "SELECT edit_id::text, event FROM sync.edit_session WHERE tenant_id = $1 ORDER BY seq", tenant.name
    )
    assert {row["edit_id"]: row["event"] for row in rows} == {mine: "closed", kept: "opened", theirs: "opened"}
    closed = [row for row in await events(sql, tenant) if row["event"] == "closed"]
    assert [(row["fields"], row["user_id"], row["expires_at"] == row["received_at"]) for row in closed] == [
        (["title"], "ann", True)
    ]
    seqs = await sql.fetch("SELECT seq FROM sync.sync_log WHERE tenant_id = $1", tenant.name)
    assert closed[0]["seq"] not in {row["seq"] for row in seqs}


async def test_the_breaker_lets_one_in_a_while_try() -> None:
    breaker = risk.Breaker()
    for _ in range(risk.Breaker.FAILURES):
        assert breaker.lets_pass()
        breaker.note(is_well=False)
    assert not breaker.lets_pass()
    breaker.REST_SECONDS = 0
    breaker.note(is_well=False)
    assert breaker.lets_pass()
    breaker.note(is_well=True)
    assert breaker.lets_pass() and breaker.lets_pass()


async def test_presence_works_without_a_prediction_server(http: httpx.AsyncClient, tenant: Tenant) -> None:
    headers = tenant.headers("ann", ("sync", "predict"))  # the fixture's server has nobody to ask
    wish = {"entity": "task", "server_id": "r", "device_id": "d"}
    for _ in range(5):
        answer = await http.post("/api/v1/edits", headers=headers, json=wish)
        assert (answer.status_code, answer.json()["risk"]) == (200, None)
