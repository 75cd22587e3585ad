"""Who gets in: tokens, scopes, tenants, devices. Every route of the application is asked."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from sync_api.app import create_app
from sync_api.settings import Settings
from tests.access import Call, calls, none_opens, refusal
from tests.sync_api.running import Tenant, change, running
from web.auth import SCOPES

OPEN = {"/healthz", "/readyz"}
# operation → the scopes of which one is enough; all others want `sync`
NEEDS = {
    "import_batch": {"import"},
    "put_anchor": {"import"},
    "put_policy": {"admin"},
    "dry_run_policy": {"admin"},
    "put_entity_type": {"admin"},
    "grant_member": {"admin"},
    "revoke_member": {"admin"},
    "list_members": {"admin"},
    "get_dashboard": {"operate"},
    "get_device_health": {"operate"},
    "create_snapshot": {"operate"},
    "get_snapshot_run": {"operate"},
    "list_conflicts": {"sync", "operate"},
    "get_conflict": {"sync", "operate"},
    "resolve_conflict": {"sync", "operate"},
    "resolve_conflicts": {"sync", "operate"},
}
# what a tenant names as it likes: the same name in another tenant is another thing
OWN_NAMES = {"put_anchor", "put_entity_type", "grant_member", "list_members"}
# what is no tenant's: one run works out everybody's figures
EVERYBODYS = {"get_snapshot_run"}

SECRET = "what the tenant alone has"

_app = create_app(Settings(api_database_url="postgresql://nowhere", jwt_secret="x" * 32))
CALLS = calls(_app, open_to_all=OPEN)


@pytest.fixture(scope="module")
async def server(api_url: str, jwt_secret: str) -> AsyncIterator[str]:
    """Streams end by themselves, so that every route can be asked alike."""
    async with running(api_url, jwt_secret, api_stream_seconds=0.05) as url:
        yield url


def test_the_scopes_are_those_of_routes_that_are_there() -> None:
    assert NEEDS.keys() | OWN_NAMES | EVERYBODYS <= {call.operation for call in CALLS}
    assert "/ptw/sync-offline-data" in {call.template for call in CALLS}


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_no_route_opens_without_the_right_token(
    tenant: Tenant, http: httpx.AsyncClient, jwt_secret: str, call: Call
) -> None:
    await none_opens(http, call, jwt_secret, tenant.name, frozenset(NEEDS.get(call.operation, {"sync"})))


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_a_tenant_that_was_never_made_is_told_so(http: httpx.AsyncClient, jwt_secret: str, call: Call) -> None:
    answer = await call.send(http, Tenant(http, jwt_secret, "never-made").headers(scopes=SCOPES))
    assert refusal(answer) == (403, "unknown_tenant")


async def _filled(tenant: Tenant) -> dict[str, str]:
    """One of everything that can be asked for by its id, as the parameters of routes name it."""
    ann = tenant.device("ann")
    declared = await tenant.http.put("/api/v1/entity-types/ours", headers=tenant.headers(), json={"policy": "manual"})
    member = await tenant.http.put("/api/v1/projects/ours/members/ann", headers=tenant.headers())
    mapping = {"anchor_at": "2026-01-01T00:00:00Z", "mapping": {"from": SECRET}}
    anchor = await tenant.http.put("/api/v1/import/anchors/ours", headers=tenant.headers(), json=mapping)
    assert (declared.status_code, member.status_code, anchor.status_code) == (200, 200, 200)
    await ann.one(op="create", entity="ours", server_id="r", data={"title": SECRET + "A"})
    await tenant.device("ben").one(entity="ours", server_id="r", client_version=1, data={"title": SECRET + "B"})
    told = await ann.one(entity="ours", server_id="r", client_version=1, data={"title": SECRET + "C"})
    wish = {"entity": "ours", "server_id": "r", "device_id": "ann-phone"}
    edit = await tenant.http.post("/api/v1/edits", headers=tenant.headers(), json=wish)
    return {
        "conflict_id": told["conflict_id"], "edit_id": edit.json()["edit_id"], "entity": "ours", "name": "ours",
        "project": "ours", "user": "ann", "source_digest": "ours",
    }  # fmt: skip


@pytest.mark.parametrize("call", [c for c in CALLS if c.parameters and c.operation not in EVERYBODYS], ids=str)
async def test_what_another_tenant_has_is_not_there(new_tenant: Callable[[], Tenant], call: Call) -> None:
    """Nor does it matter that the caller has every right at home, and the same name as the one whose it is."""
    ours, theirs = new_tenant(), new_tenant()
    there = {name: value for name, value in (await _filled(ours)).items() if name in call.parameters}
    assert there.keys() == call.parameters.keys(), "a new kind of id: make one in _filled"
    answer = await call.send(ours.http, theirs.headers("ann", scopes=SCOPES), **there)
    if call.operation in OWN_NAMES:
        assert answer.status_code == 200
        assert SECRET not in answer.text
        assert answer.json().get("members", []) == []
    else:
        assert refusal(answer)[0] == 404


async def test_another_tenants_records_are_in_no_list(new_tenant: Callable[[], Tenant]) -> None:
    ours, theirs = new_tenant(), new_tenant()
    await _filled(ours)

    async def seen(path: str) -> Any:
        answer = await ours.http.get(f"/api/v1/{path}", headers=theirs.headers("ann", scopes=SCOPES))
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert (await seen("conflicts"))["conflicts"] == []
    assert (await seen("sync/changes"))["changes"] == []
    assert (await seen("sync/digest?entity=task"))["count"] == 0
    assert "ours" not in {kind["name"] for kind in (await seen("entity-types"))["entity_types"]}


async def test_tenants_never_meet(new_tenant: Callable[[], Tenant], sql: Any) -> None:
    ours, theirs = new_tenant(), new_tenant()
    same = change("create", server_id="r", data={"title": "A"})
    assert (await ours.device("ann").push(same))["applied"][0]["status"] == "applied"
    assert (await theirs.device("ann").push(same))["applied"][0]["status"] == "applied"
    await theirs.policy("manual")
    update = await ours.device("ben").one(server_id="r", data={"title": "B"})
    assert (update["status"], update["new_version"]) == ("merged", 2)
    rows = await sql.fetch("SELECT tenant_id, version FROM sync.record WHERE entity_id = 'r' AND tenant_id = ANY($1)",
                           [ours.name, theirs.name])  # fmt: skip
    assert {row["tenant_id"]: row["version"] for row in rows} == {ours.name: 2, theirs.name: 1}


async def test_the_servers_role_sees_one_tenant_and_none_when_it_forgets_to_say_which(
    new_tenant: Callable[[], Tenant], api_url: str
) -> None:
    ours, theirs = new_tenant(), new_tenant()
    for one in (ours, theirs):
        await one.device("ann").one(op="create", data={"title": "A"})
    connection = await asyncpg.connect(api_url)
    for table in ("record", "sync_log", "applied_change", "sync_request", "device", "tenant_clock", "webhook_endpoint"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"foresync.tenant is not set"):
            await connection.fetch(f"SELECT * FROM sync.{table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("INSERT INTO sync.user_activity (tenant_id, user_id) VALUES ($1, 'u')", ours.name)
    async with connection.transaction():
        await connection.execute("SELECT set_config('foresync.tenant', $1, true)", ours.name)
        assert {row[0] for row in await connection.fetch("SELECT tenant_id FROM sync.record")} == {ours.name}
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with connection.transaction():
            await connection.execute("SELECT set_config('foresync.tenant', $1, true)", ours.name)
            await connection.execute(
                "INSERT INTO sync.user_activity (tenant_id, user_id) VALUES ($1, 'intruder')", theirs.name
            )
    await connection.close()


async def test_a_device_belongs_to_its_first_user(tenant: Tenant) -> None:
    await tenant.device("ann", "tablet").one(op="create", data={"title": "A"})
    borrowed = tenant.device("ben", "tablet")
    answer = await borrowed.post(json=borrowed.envelope(change("create", data={"title": "B"})))
    assert (answer.status_code, answer.json()["code"]) == (403, "device_of_another_user")


async def test_unknown_paths_and_methods_are_problems(http: httpx.AsyncClient) -> None:
    for method, path, status in [("GET", "/nowhere", 404), ("GET", "/api/v1/sync/push", 405)]:
        answer = await http.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


async def test_alive_able_and_documented(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz/")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}
    document = (await http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]

    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            return {part["$ref"]} if "$ref" in part else {r for value in part.values() for r in references(value)}
        return {r for value in part for r in references(value)} if isinstance(part, list) else set()

    assert {reference.rsplit("/", 1)[1] for reference in references(document)} <= set(schemas)
    push = document["paths"]["/api/v1/sync/push"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "offline_id" in push["properties"]["changes"]["items"]["properties"]
    batch = document["paths"]["/api/v1/import/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert len(batch["properties"]["items"]["items"]["oneOf"]) == 2
