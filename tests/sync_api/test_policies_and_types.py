"""What a tenant decides for itself: its policies, version by version, and its own entity types."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sync_api.rules import shipped
from tests.sync_api.running import Tenant

SHIPPED = {
    "task": "most_recent_wins", "work_order": "most_recent_wins", "asset": "most_recent_wins",
    "attendance": "server_wins", "journal": "client_wins", "ticket": "preserve_escalation", "permit": "field_merge",
    "isolation_point": "field_merge", "closeout": "field_merge", "permit_photo": "append_only",
    "gas_reading": "append_only", "signature": "append_only",
}  # fmt: skip


async def get(tenant: Tenant, path: str) -> Any:
    answer = await tenant.http.get(f"/api/v1{path}", headers=tenant.headers("ann", ("sync",)))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def put(tenant: Tenant, path: str, body: Any) -> tuple[int, Any]:
    answer = await tenant.http.put(f"/api/v1{path}", headers=tenant.headers(), json=body)
    return answer.status_code, answer.json()


async def test_the_shipped_types_and_their_policies(tenant: Tenant) -> None:
    assert {name: kind.policy.strategy for name, kind in shipped().items()} == SHIPPED
    told = await get(tenant, "/entity-types")
    assert {kind["name"]: kind["policy"] for kind in told["entity_types"]} == SHIPPED
    assert {kind["source"] for kind in told["entity_types"]} == {"shipped"}


async def test_a_policy_is_looked_for_by_type_then_by_tenant_then_in_the_type(tenant: Tenant) -> None:
    assert (await get(tenant, "/policies/task"))["source"] == "shipped"
    await tenant.policy("client_wins", "*")
    told = await get(tenant, "/policies/task")
    assert (told["source"], told["strategy"]) == ("tenant_default", "client_wins")
    await tenant.policy("manual", "task", field_rules={"title": "last_write_wins"}, mode="shadow")
    told = await get(tenant, "/policies/task")
    assert (told["source"], told["strategy"], told["version"], told["mode"]) == ("tenant", "manual", 1, "shadow")
    assert (await get(tenant, "/policies/journal"))["source"] == "tenant_default"


async def test_policies_set_at_once_are_numbered_one_by_one(tenant: Tenant, sql: Any) -> None:
    await asyncio.gather(*(tenant.policy("client_wins") for _ in range(8)))
    rows = await sql.fetch(
        "SELECT version FROM sync.tenant_conflict_policy WHERE tenant_id = $1 ORDER BY 1", tenant.name
    )
    assert [row["version"] for row in rows] == list(range(1, 9))


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/policies/no_such_type", {"strategy": "manual"}, 404, "unknown_entity"),
        ("/policies/task", {"strategy": "coin_toss"}, 422, "validation_error"),
        ("/policies/task", {"strategy": "manual", "field_rules": {"a": "b"}}, 422, "validation_error"),
        ("/policies/task", {"strategy": "manual", "else": 1}, 422, "validation_error"),
        ("/entity-types/Bad Name", {}, 422, "bad_declaration"),
        ("/entity-types/thing", {"policy": "coin_toss"}, 422, "bad_declaration"),
        ("/entity-types/thing", {"fields": {"a": "strnig"}}, 422, "bad_declaration"),
        ("/entity-types/thing", {"fields": {"a": {"rule": "monotonic"}}}, 422, "bad_declaration"),
        ("/entity-types/thing", {"feilds": {}}, 422, "bad_declaration"),
        ("/entity-types/thing", {"fields": []}, 422, "bad_declaration"),
        ("/entity-types/thing", {"status": {"field": "s", "transitions": {"a": ["b"]}}}, 422, "bad_declaration"),
        ("/entity-types/thing", {"escalation": {"field": "s", "order": ["a"], "from": "z"}}, 422, "bad_declaration"),
        ("/entity-types/thing", {"escalation": {"field": 1, "order": 5}}, 422, "bad_declaration"),
        ("/entity-types/thing", {"fields": {"a\u0000": "string"}}, 422, "bad_declaration"),
    ],
)
async def test_a_bad_declaration_is_refused_with_its_reason(
    tenant: Tenant, path: str, body: Any, status: int, code: str
) -> None:
    got, problem = await put(tenant, path, body)
    assert (got, problem["code"]) == (status, code)
    assert problem["detail"]


async def test_a_tenants_own_type_is_its_own(new_tenant: Callable[[], Tenant]) -> None:
    ours, theirs = new_tenant(), new_tenant()
    declared = {"policy": "client_wins", "strict": True, "fields": {"name": {"type": "string", "required": True}}}
    assert (await put(ours, "/entity-types/boat", declared))[0] == 200
    ann = ours.device("ann")
    assert (await ann.one(op="create", entity="boat", server_id="b", data={"name": "Ann"}))["status"] == "applied"
    strict = await ann.one(op="create", entity="boat", data={"name": "Ben", "sails": 2})
    assert strict["detail"] == {"fields": {"sails": "not a field of this type"}}
    assert (await ann.one(op="create", entity="boat", data={}))["detail"] == {"fields": {"name": "required"}}
    elsewhere = await theirs.device("ann").one(op="create", entity="boat", data={"name": "Ann"})
    assert elsewhere["reason"] == "unknown_entity"
    assert (await put(ours, "/entity-types/boat", declared | {"strict": False}))[0] == 200
    assert (await ann.one(op="create", entity="boat", data={"name": "Ben", "sails": 2}))["status"] == "applied"


@pytest.mark.parametrize(
    "body",
    [
        rb'{"strategy": "manual", "field_rules": {"a\u0000": "max"}}',
        rb'{"strategy": "manual", "field_rules": {"\ud800": "max"}}',
        rb'{"strategy": "manual", "field_rules": {"_a": "max"}}',
        rb'{"strategy": "manual", "\ud800": 1}',
    ],
)
async def test_names_that_cannot_be_kept_are_refused(tenant: Tenant, body: bytes) -> None:
    headers = tenant.headers() | {"Content-Type": "application/json"}
    answer = await tenant.http.put("/api/v1/policies/task", headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
