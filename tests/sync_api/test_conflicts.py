"""Open conflicts over HTTP: found, looked at, settled by a person, and never settled twice."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sync_api.running import Device, Tenant, change

OPERATOR = ("operate",)


class Dispute:
    """Ann and Ben both edited version 1 of a record; Ben's waits."""

    def __init__(self, tenant: Tenant, ann: Device, ben: Device, told: dict[str, Any]) -> None:
        self.tenant = tenant
        self.ann = ann
        self.ben = ben
        self.told = told
        self.path = f"/api/v1/conflicts/{told['conflict_id']}"

    async def look(self, user: str = "ben", scopes: tuple[str, ...] = ("sync",)) -> dict[str, Any]:
        answer = await self.tenant.http.get(self.path, headers=self.tenant.headers(user, scopes))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def resolve(
        self, choice: str, version: int = 2, user: str = "ben", scopes: tuple[str, ...] = ("sync",), **rest: Any
    ) -> tuple[int, dict[str, Any]]:
        answer = await self.tenant.http.post(
            f"{self.path}/resolve",
            headers=self.tenant.headers(user, scopes),
            json={"choice": choice, "expected_version": version, **rest},
        )
        return answer.status_code, answer.json()


async def dispute(
    tenant: Tenant,
    *,
    entity: str = "task",
    first: dict[str, Any] | None = None,
    theirs: dict[str, Any] | None = None,
    mine: dict[str, Any] | None = None,
    **rest: Any,
) -> Dispute:
    await tenant.policy("manual", entity, **rest)
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", entity=entity, server_id="r", data=first or {"title": "base", "notes": "n", "size": 1})
    await ann.one(entity=entity, server_id="r", client_version=1, data=theirs or {"title": "Ann's"})
    told = await ben.one(entity=entity, server_id="r", client_version=1, data=mine or {"title": "Ben's", "size": 2})
    assert told["list"] == "conflicts"
    return Dispute(tenant, ann, ben, told)


async def record(sql: Any, tenant: Tenant) -> Any:
    return await sql.fetchrow("SELECT * FROM sync.record WHERE tenant_id = $1 AND entity_id = 'r'", tenant.name)


async def test_an_open_conflict_shows_both_sides_as_they_stand_now(tenant: Tenant) -> None:
    open_ = await dispute(tenant)
    await open_.ann.one(server_id="r", client_version=2, data={"size": 7, "title": "Ann's again"})
    told = await open_.look()
    assert (told["status"], told["detected_version"], told["server_version"]) == ("open", 2, 3)
    assert told["fields"]["title"] == {
        "base": "base", "mine": "Ben's", "theirs": "Ann's again", "merge_hint": "last_write_wins", "collides": True,
        "rule": "manual", "winner": None, "value": None,
    }  # fmt: skip
    assert (told["fields"]["size"]["mine"], told["fields"]["size"]["theirs"]) == (2, 7)  # collides only by now
    assert [entry["decision"] for entry in told["history"]] == ["opened"]
    assert told["client_state"] == {"title": "Ben's", "size": 2}


@pytest.mark.parametrize(
    ("choice", "value", "data", "version", "winner", "loser"),
    [
        ("keep_mine", None, {"title": "Ben's", "notes": "n", "size": 2}, 3, "client", "Ann's"),
        ("use_server", None, {"title": "Ann's", "notes": "n", "size": 2}, 3, "server", "Ben's"),
        ("discard", None, {"title": "Ann's", "notes": "n", "size": 1}, 2, "server", "Ben's"),
        ("merge", None, {"title": "Ben's", "notes": "n", "size": 2}, 3, "client", "Ann's"),  # by hint: the later
        (
            "merge", {"title": "both"}, {"title": "both", "notes": "n", "size": 2}, 3, "merged",
            {"client": "Ben's", "server": "Ann's"},
        ),
    ],
)  # fmt: skip
async def test_every_choice_does_what_it_says_and_keeps_what_lost(
    tenant: Tenant, sql: Any, choice: str, value: Any, data: Any, version: int, winner: str, loser: Any
) -> None:
    open_ = await dispute(tenant)
    status, answer = await open_.resolve(choice, **({"value": value} if value else {}))
    assert status == 200, answer
    assert (answer["new_version"], answer["record"]["data"]) == (version, data)
    stored = await record(sql, tenant)
    assert (stored["version"], json.loads(stored["data"])) == (version, data)
    told = await open_.look()
    assert told["status"] == ("discarded" if choice == "discard" else "resolved")
    assert (told["resolved_by"], told["fields"]["title"]["winner"]) == ("ben", winner)
    decision = told["history"][-1]
    assert (decision["decision"], decision["fields"]["title"]["losing_value"]) == (choice, loser)
    if choice == "discard":
        assert decision["fields"]["size"]["losing_value"] == 2
    event = await sql.fetchrow(
        "SELECT * FROM sync.sync_log WHERE tenant_id = $1 AND offline_id LIKE 'resolution:%'", tenant.name
    )
    conflict = await sql.fetchrow("SELECT * FROM sync.conflict_resolution WHERE tenant_id = $1", tenant.name)
    clock = await sql.fetchval("SELECT seq FROM sync.tenant_clock WHERE tenant_id = $1", tenant.name)
    assert conflict["changed_seq"] == clock
    if version == 3:
        assert (str(event["id"]), event["operation"], event["new_version"]) == (answer["sync_event_id"], "update", 3)
        assert (event["user_id"], event["device_id"], event["outcome"]) == ("ben", "ben-phone", "applied")
        assert stored["seq"] == event["seq"] == clock - 1
    else:
        assert (event, answer["sync_event_id"]) == (None, None)


async def test_where_the_server_has_moved_on_the_person_sees_it_anew(tenant: Tenant, sql: Any) -> None:
    open_ = await dispute(tenant)
    await open_.ann.one(server_id="r", client_version=2, data={"title": "Ann's again"})
    status, problem = await open_.resolve("keep_mine")
    assert (status, problem["code"]) == (409, "conflict_moved")
    assert problem["conflict"]["server_version"] == 3
    assert problem["conflict"]["fields"]["title"]["theirs"] == "Ann's again"
    assert (await record(sql, tenant))["version"] == 3
    assert (await open_.resolve("keep_mine", 3))[0] == 200
    assert json.loads((await record(sql, tenant))["data"])["title"] == "Ben's"


async def test_the_same_choice_again_is_answered_the_same_and_another_is_too_late(tenant: Tenant, sql: Any) -> None:
    open_ = await dispute(tenant)
    first, answer = await open_.resolve("keep_mine")
    await open_.ann.one(server_id="r", client_version=3, data={"notes": "later"})
    assert await open_.resolve("keep_mine") == (first, answer)
    status, problem = await open_.resolve("use_server")
    assert (status, problem["code"]) == (409, "already_resolved")
    assert await sql.fetchval("SELECT count(*) FROM sync.sync_log WHERE tenant_id = $1", tenant.name) == 5


async def test_two_people_who_settle_at_once_settle_once(tenant: Tenant, sql: Any) -> None:
    open_ = await dispute(tenant)
    answers = await asyncio.gather(
        *(open_.resolve(choice) for choice in ("keep_mine", "use_server", "merge", "discard") for _ in range(3))
    )
    assert sorted({status for status, _ in answers}) == [200, 409]
    decisions = await sql.fetchval(
        "SELECT count(*) FROM sync.conflict_resolution_log WHERE tenant_id = $1", tenant.name
    )
    assert decisions == 2  # opened, and settled


async def test_a_merge_by_rule_asks_where_no_rule_can_tell(tenant: Tenant) -> None:
    open_ = await dispute(
        tenant,
        first={"tags": ["a"], "title": "t"},
        theirs={"tags": ["a", "b"], "title": "Ann's"},
        mine={"tags": ["a", "c"], "title": "Ben's"},
        field_rules={"title": "manual", "tags": "set_merge"},
    )
    status, problem = await open_.resolve("merge")
    assert (status, problem["code"], problem["fields"]) == (422, "value_needed", ["title"])
    status, answer = await open_.resolve("merge", value={"title": "T"})
    assert (status, answer["record"]["data"]) == (200, {"tags": ["a", "b", "c"], "title": "T"})


async def test_a_delete_against_an_update_is_settled_either_way(new_tenant: Callable[[], Tenant]) -> None:
    for choice, deleted in (("keep_mine", True), ("use_server", False)):
        tenant = new_tenant()
        await tenant.policy("manual")
        ann, ben = tenant.device("ann"), tenant.device("ben")
        await ann.one(op="create", server_id="r", data={"title": "base"})
        await ann.one(server_id="r", client_version=1, data={"title": "Ann's"})
        open_ = Dispute(tenant, ann, ben, await ben.one(op="delete", server_id="r", client_version=1))
        assert (await open_.resolve("merge"))[1]["fields"] == ["_deleted"]
        status, answer = await open_.resolve(choice)
        assert (status, answer["record"]["deleted"]) == (200, deleted)
        assert (await open_.look())["fields"]["_deleted"]["winner"] == ("client" if deleted else "server")


async def test_an_update_against_a_delete_can_bring_the_record_back(tenant: Tenant) -> None:
    await tenant.policy("manual")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "base", "notes": "n"})
    await ann.one(op="delete", server_id="r", client_version=1)
    open_ = Dispute(tenant, ann, ben, await ben.one(server_id="r", client_version=1, data={"title": "Ben's"}))
    status, answer = await open_.resolve("keep_mine")
    assert (status, answer["record"]) == (
        200,
        {"server_id": "r", "version": 3, "data": {"title": "Ben's", "notes": "n"}, "deleted": False},
    )


async def test_what_a_push_may_not_do_a_choice_may_not_either(tenant: Tenant) -> None:
    open_ = await dispute(
        tenant, entity="permit", first={"status": "draft", "title": "t"}, theirs={"title": "Ann's"},
        mine={"title": "Ben's"},
    )  # fmt: skip
    status, problem = await open_.resolve("merge", value={"title": 5})
    assert (status, problem["code"]) == (422, "validation_error")
    status, problem = await open_.resolve("merge", value={"title": "ok", "status": "closed"})
    assert (status, problem["code"]) == (422, "invalid_transition")
    assert (await open_.look())["status"] == "open"
    for body in ({"value": {"_x": 1}}, {"value": {"a": "\x00"}}, {"value": 5}, {"else": 1}):
        assert (await open_.resolve("merge", **body))[0] == 422
    assert (await open_.resolve("keep_mine", value={"title": "x"}))[0] == 422


async def test_a_settled_change_no_longer_blocks_and_its_device_does_not_collide_with_it(tenant: Tenant) -> None:
    open_ = await dispute(tenant)
    await open_.resolve("keep_mine")
    later = await open_.ben.one(server_id="r", client_version=1, data={"title": "Ben's next"})
    assert (later["status"], later["new_version"]) == ("merged", 4)


async def test_a_near_miss_is_not_noted_when_a_person_decides(tenant: Tenant, sql: Any) -> None:
    open_ = await dispute(tenant)
    await open_.resolve("keep_mine")
    assert await sql.fetchval(
        "SELECT count(*) FROM sync.conflict_resolution WHERE tenant_id = $1", tenant.name
    ) == 1  # fmt: skip


async def test_lists_are_paged_newest_first_and_filtered(tenant: Tenant) -> None:
    await tenant.policy("manual")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    for number in range(7):
        await ann.one(op="create", server_id=f"r{number}", data={"title": "base"})
        await ann.one(server_id=f"r{number}", client_version=1, data={"title": "Ann's"})
    told = [
        item["conflict_id"]
        for at in range(7)
        for item in (await ben.push(change(server_id=f"r{at}", client_version=1, data={"title": "Ben's"})))["conflicts"]
    ]

    async def page(as_: str = "ben", scopes: tuple[str, ...] = ("sync",), **query: Any) -> dict[str, Any]:
        answer = await tenant.http.get("/api/v1/conflicts", headers=tenant.headers(as_, scopes), params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def every(**query: Any) -> list[str]:
        found, after = [], {}
        while True:
            answer = await page(limit=3, **query, **after)
            found += [item["conflict_id"] for item in answer["conflicts"]]
            if answer["next"] is None:
                return found
            after = {"after": answer["next"]}

    assert await every() == told[::-1]
    assert await every(status="open", entity="task", severity="medium", detection="version") == told[::-1]
    assert await every(entity="task", entity_id="r3") == [told[3]]
    assert await every(status="resolved") == []
    assert (await page("ann"))["conflicts"] == []
    assert len((await page("olga", OPERATOR, user="ben"))["conflicts"]) == 7
    created_at = (await page(limit=3))["conflicts"][2]["created_at"]
    assert await every(since=created_at) == told[:3:-1]


async def test_anothers_conflict_needs_operate(tenant: Tenant, new_tenant: Callable[[], Tenant]) -> None:
    open_ = await dispute(tenant)
    for method, path, body in (("GET", "", None), ("POST", "/resolve", {"choice": "discard", "expected_version": 2})):
        answer = await tenant.http.request(
            method, open_.path + path, headers=tenant.headers("ann", ("sync",)), json=body
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        other = new_tenant()
        answer = await other.http.request(method, open_.path + path, headers=other.headers("ben"), json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "conflict_not_found")
    answer = await tenant.http.get("/api/v1/conflicts?user=ben", headers=tenant.headers("ann", ("sync",)))
    assert answer.status_code == 403
    status, answer = await open_.resolve("keep_mine", user="olga", scopes=OPERATOR)
    assert (status, answer["resolved_by"]) == (200, "olga")


async def test_each_of_several_gets_its_own_verdict(tenant: Tenant) -> None:
    open_ = await dispute(tenant)
    item = {"conflict_id": open_.told["conflict_id"], "choice": "keep_mine", "expected_version": 2}
    nowhere = {**item, "conflict_id": "00000000-0000-0000-0000-000000000000"}
    answer = await tenant.http.post(
        "/api/v1/conflicts/resolve",
        headers=tenant.headers("ben", ("sync",)),
        json={"items": [nowhere, {**item, "expected_version": 1}, item, item, {**item, "choice": "discard"}]},
    )
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["problem"] and result["problem"]["code"] for result in results] == [
        "conflict_not_found", "conflict_moved", None, None, "already_resolved",
    ]  # fmt: skip
    assert results[2] == results[3]


@pytest.mark.parametrize(
    "query", ["after=rubbish", "since=0001-01-01T00:00:00%2B14:00&after=MDAwMS0wMS0wMXw=", "limit=0", "entity_id=%00"]
)
async def test_a_bad_question_is_a_problem(tenant: Tenant, query: str) -> None:
    answer = await tenant.http.get(f"/api/v1/conflicts?{query}", headers=tenant.headers())
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
