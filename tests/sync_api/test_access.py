"""Who gets in: tokens, scopes, tenants, devices."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import jwt
import pytest

from tests.sync_api.running import Tenant, change
from web.auth import mint

ROUTES = [
    ("POST", "/api/v1/sync/push", "sync"),
    ("POST", "/ptw/sync-offline-data/", "sync"),
    ("POST", "/api/v1/import/batch", "import"),
    ("PUT", "/api/v1/import/anchors/x", "import"),
    ("GET", "/api/v1/policies/task", "sync"),
    ("PUT", "/api/v1/policies/task", "admin"),
    ("GET", "/api/v1/policies/task/history", "sync"),
    ("POST", "/api/v1/policies/task/dry-run", "admin"),
    ("GET", "/api/v1/entity-types", "sync"),
    ("PUT", "/api/v1/entity-types/x", "admin"),
    ("POST", "/api/v1/edits", "sync"),
    ("PUT", "/api/v1/edits/00000000-0000-0000-0000-000000000000", "sync"),
    ("DELETE", "/api/v1/edits/00000000-0000-0000-0000-000000000000", "sync"),
]


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_no_route_opens_without_the_right_token(
    tenant: Tenant, http: httpx.AsyncClient, jwt_secret: str, method: str, path: str, scope: str
) -> None:
    async def code(token: str | None) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await http.request(method, path, headers=headers, json={})
        return answer.status_code, answer.json()["code"]

    def token(**changes: Any) -> str:
        return mint(
            **{"secret": jwt_secret, "tenant": tenant.name, "user": "u", "scopes": (scope,),
               "expires_in": timedelta(hours=1)} | changes
        )  # fmt: skip

    assert await code(None) == (401, "token_missing")
    assert await code("rubbish") == (401, "token_invalid")
    assert await code(token(expires_in=timedelta(hours=-1))) == (401, "token_expired")
    assert await code(token(secret="another secret that is long enough")) == (401, "token_invalid")
    others = tuple({"sync", "import", "admin", "predict", "operate"} - {scope})
    assert await code(token(scopes=others)) == (403, "insufficient_scope")
    claims = {
        "iss": "foresync",
        "tenant": tenant.name,
        "sub": "u",
        "scopes": [scope],
        "iat": 1,
        "exp": time.time() + 99,
    }
    assert await code(jwt.encode(claims, None, algorithm="none")) == (401, "token_invalid")
    for spoilt in ({"tenant": "a'; --"}, {"tenant": 5}, {"sub": "a\x00"}, {"scopes": scope}, {"iss": "else"}):
        assert await code(jwt.encode(claims | spoilt, jwt_secret, algorithm="HS256")) == (401, "token_invalid")


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_a_tenant_that_was_never_made_is_told_so(
    http: httpx.AsyncClient, jwt_secret: str, method: str, path: str, scope: str
) -> None:
    nobody = Tenant(http, jwt_secret, "never-made")
    body: dict[str, Any] = {"strategy": "manual"} if "policies" in path else {}
    if "push" in path or "ptw" in path:
        body = nobody.device("u").envelope(change("create", data={}))
    elif "batch" in path:
        body = {"items": []}
    elif path.endswith("/edits"):
        body = {"entity": "task", "server_id": "r", "device_id": "d"}
    elif "anchors" in path:
        body = {"anchor_at": "2026-01-01T00:00:00Z", "mapping": {}}
    answer = await http.request(method, path, headers=nobody.headers(), json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_tenant")


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
