"""Whose conflicts somebody may see and settle. Tokens, scopes and tenants are in `test_access`."""

from typing import Any

from tests.sync_api.running import Tenant


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
