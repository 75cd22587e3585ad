"""Trying a policy on the conflicts that there have been, over HTTP. Nothing changes by it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sync_api.running import Tenant, now


async def disputes(tenant: Tenant, count: int = 5, entity: str = "task") -> list[str]:
    """Open conflicts: Ben's edits are the later ones, except the first. Their ids, oldest first."""
    await tenant.policy("manual", entity)
    ann, ben = tenant.device("ann"), tenant.device("ben")
    found = []
    for number in range(count):
        key = {"entity": entity, "server_id": f"{entity}-{number}"}
        await ann.one(op="create", **key, data={"title": "base", "notes": "n"})
        await ann.one(**key, client_version=1, data={"title": "Ann's"}, edited_at=now(minutes=-60))
        mine = now(minutes=-90 if number == 0 else -30)
        told = await ben.one(**key, client_version=1, data={"title": "Ben's"}, edited_at=mine)
        found.append(told["conflict_id"])
    return found


async def dry_run(tenant: Tenant, strategy: str, entity: str = "task", **rest: Any) -> dict[str, Any]:
    answer = await tenant.http.post(
        f"/api/v1/policies/{entity}/dry-run", headers=tenant.headers(), json={"strategy": strategy, **rest}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(
    ("strategy", "rules", "settled", "winners"),
    [
        ("server_wins", {}, 5, {"client": 0, "server": 5, "merged": 0, "none": 0}),
        ("client_wins", {}, 5, {"client": 5, "server": 0, "merged": 0, "none": 0}),
        ("most_recent_wins", {}, 5, {"client": 4, "server": 1, "merged": 0, "none": 0}),
        ("field_merge", {}, 0, {"client": 0, "server": 0, "merged": 0, "none": 5}),
        ("field_merge", {"title": "max"}, 5, {"client": 5, "server": 0, "merged": 0, "none": 0}),
    ],
)
async def test_a_policy_is_tried_on_what_has_been(
    tenant: Tenant, sql: Any, strategy: str, rules: dict[str, str], settled: int, winners: dict[str, int]
) -> None:
    found = await disputes(tenant)
    before = await sql.fetch("SELECT * FROM sync.conflict_resolution WHERE tenant_id = $1", tenant.name)
    told = await dry_run(tenant, strategy, field_rules=rules)
    assert (told["replayed"], told["settled"], told["manual"]) == (5, settled, 5 - settled)
    assert (told["winners"], told["next"]) == (winners, None)
    assert [one["conflict_id"] for one in told["still_manual"]] == ([] if settled else found[::-1])
    assert await sql.fetch("SELECT * FROM sync.conflict_resolution WHERE tenant_id = $1", tenant.name) == before


async def test_what_would_have_ended_otherwise_is_counted(tenant: Tenant) -> None:
    await tenant.policy("client_wins")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "base"})
    await ann.one(server_id="r", client_version=1, data={"title": "Ann's"})
    await ben.one(server_id="r", client_version=1, data={"title": "Ben's"})
    assert (await dry_run(tenant, "client_wins"))["different"] == 0
    assert (await dry_run(tenant, "server_wins"))["different"] == 1


async def test_near_misses_are_no_conflicts_to_be_settled(tenant: Tenant) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "Ann's"})
    await ben.one(server_id="r", client_version=1, data={"title": "Ben's"})
    listed = await tenant.http.get("/api/v1/conflicts?detection=window", headers=tenant.headers("ben", ("sync",)))
    assert len(listed.json()["conflicts"]) == 1
    assert (await dry_run(tenant, "manual"))["replayed"] == 0


async def test_pages_cover_every_conflict_once(tenant: Tenant) -> None:
    found = await disputes(tenant)
    seen: list[str] = []
    after: dict[str, Any] = {}
    while True:
        told = await dry_run(tenant, "manual", limit=2, **after)
        seen += [one["conflict_id"] for one in told["still_manual"]]
        if told["next"] is None:
            break
        after = {"after": told["next"]}
    assert seen == found[::-1]
    assert (await dry_run(tenant, "manual", since=now(minutes=5)))["replayed"] == 0


async def test_every_type_means_those_without_a_policy_of_their_own(tenant: Tenant) -> None:
    await disputes(tenant, 2)
    await tenant.policy("manual", "*")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", entity="asset", server_id="r", data={"name": "base"})
    await ann.one(entity="asset", server_id="r", client_version=1, data={"name": "Ann's"})
    await ben.one(entity="asset", server_id="r", client_version=1, data={"name": "Ben's"})
    told = await dry_run(tenant, "manual", "*")
    assert [one["entity"] for one in told["still_manual"]] == ["asset"]


async def test_a_dry_run_sees_its_own_tenant_alone(new_tenant: Callable[[], Tenant]) -> None:
    await disputes(new_tenant(), 2)
    assert (await dry_run(new_tenant(), "server_wins"))["replayed"] == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "validation_error"),
        ({"strategy": "coin_toss"}, 422, "validation_error"),
        ({"strategy": "manual", "limit": 100_000}, 422, "validation_error"),
        ({"strategy": "manual", "after": "rubbish"}, 422, "validation_error"),
        ({"strategy": "manual", "field_rules": {"a": "b"}}, 422, "validation_error"),
        ({"strategy": "manual", "field_rules": {"_a": "max"}}, 422, "validation_error"),
    ],
)
async def test_what_cannot_be_meant_is_refused(tenant: Tenant, body: Any, status: int, code: str) -> None:
    answer = await tenant.http.post("/api/v1/policies/task/dry-run", headers=tenant.headers(), json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_versions_of_a_policy_are_kept(tenant: Tenant) -> None:
    await tenant.policy("manual")
    await tenant.policy("client_wins", field_rules={"title": "max"})
    answer = await tenant.http.get("/api/v1/policies/task/history", headers=tenant.headers("ann", ("sync",)))
    told = answer.json()["versions"]
    assert [(one["version"], one["strategy"], one["field_rules"]) for one in told] == [
        (2, "client_wins", {"title": "max"}), (1, "manual", {}),
    ]  # fmt: skip
    nothing = await tenant.http.get("/api/v1/policies/no_such_type/history", headers=tenant.headers())
    assert (nothing.status_code, nothing.json()["code"]) == (404, "unknown_entity")
