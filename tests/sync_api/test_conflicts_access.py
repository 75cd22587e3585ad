"""Who may see and settle conflicts: the scopes `sync` or `operate`, in one's own tenant."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.sync_api.running import Tenant
from web.auth import mint

NOBODYS = "00000000-0000-0000-0000-000000000000"
ROUTES = [
    ("GET", "/api/v1/conflicts"),
    ("GET", f"/api/v1/conflicts/{NOBODYS}"),
    ("POST", f"/api/v1/conflicts/{NOBODYS}/resolve"),
    ("POST", "/api/v1/conflicts/resolve/"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_no_route_opens_without_the_right_token(
    tenant: Tenant, http: httpx.AsyncClient, jwt_secret: str, method: str, path: str
) -> None:
    async def code(token: str | None) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await http.request(method, path, headers=headers, json={"items": 5})
        return answer.status_code, answer.json().get("code", "")

    def token(**changes: Any) -> str:
        return mint(
            **{"secret": jwt_secret, "tenant": tenant.name, "user": "u", "scopes": ("sync",),
               "expires_in": timedelta(hours=1)} | changes
        )  # fmt: skip

    assert await code(None) == (401, "token_missing")
    assert await code("rubbish") == (401, "token_invalid")
    assert await code(token(expires_in=timedelta(hours=-1))) == (401, "token_expired")
    assert await code(token(secret="another secret that is long enough")) == (401, "token_invalid")
    assert await code(token(scopes=("predict", "import", "admin"))) == (403, "insufficient_scope")
    for scope in ("sync", "operate"):
        assert (await code(token(scopes=(scope,))))[0] in (200, 404, 422)


async def test_a_tenant_that_was_never_made_is_told_so(http: httpx.AsyncClient, jwt_secret: str) -> None:
    answer = await http.get("/api/v1/conflicts", headers=Tenant(http, jwt_secret, "never-made").headers())
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_tenant")


async def test_whoever_has_lost_the_project_neither_sees_nor_settles(tenant: Tenant, sql: Any) -> None:
    await tenant.policy("manual")

    async def member(project: str, *, revoked: bool = False) -> None:
        await sql.execute(
            """INSERT INTO sync.project_member (tenant_id, project_id, user_id, seq, revoked_at)
               SELECT $1, $2, name, 0, CASE WHEN $3 THEN now() END FROM unnest(ARRAY['ann', 'ben']) AS name
               ON CONFLICT (tenant_id, project_id, user_id) DO UPDATE SET revoked_at = excluded.revoked_at""",
            tenant.name, project, revoked,
        )  # fmt: skip

    await member("p")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "base", "project_id": "p"})
    await ann.one(server_id="r", client_version=1, data={"title": "Ann's"})
    told = await ben.one(server_id="r", client_version=1, data={"title": "Ben's"})
    path = f"/api/v1/conflicts/{told['conflict_id']}"

    async def ask(method: str, ending: str, *scopes: str, **choice: Any) -> tuple[int, str]:
        answer = await tenant.http.request(
            method,
            path + ending,
            headers=tenant.headers("ben", scopes or ("sync",)),
            json={"choice": "merge", "expected_version": 2, **choice} if ending else None,
        )
        return answer.status_code, answer.json().get("code", "")

    elsewhere = {"title": "T", "project_id": "q"}
    assert (await ask("GET", ""))[0] == 200
    assert await ask("POST", "/resolve", value=elsewhere) == (403, "not_permitted")
    await member("p", revoked=True)
    assert await ask("GET", "") == (403, "not_permitted")
    assert await ask("POST", "/resolve") == (403, "not_permitted")
    assert (await ask("GET", "", "operate"))[0] == 200
    assert (await ask("POST", "/resolve", "operate", value=elsewhere))[0] == 200
