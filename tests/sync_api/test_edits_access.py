"""Who may announce an edit: a member of the record's project, for as long as the membership lasts."""

import asyncio
import uuid
from typing import Any

from sync_api.engine.membership import permits
from tests.sync_api.running import Tenant, change

REFUSED = (403, "not_permitted")


async def member(tenant: Tenant, method: str, user: str) -> dict[str, Any]:
    path = f"/api/v1/projects/p/members/{user}"
    answer = await tenant.http.request(method, path, headers=tenant.headers("boss", ("admin",)))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def call(tenant: Tenant, user: str, method: str, path: str = "", body: Any = None) -> tuple[int, dict[str, Any]]:
    headers = tenant.headers(user, ("sync", "predict"))
    answer = await tenant.http.request(method, f"/api/v1/edits{path}", headers=headers, json=body)
    return answer.status_code, answer.json()


async def open_edit(tenant: Tenant, user: str, **rest: Any) -> tuple[int, dict[str, Any]]:
    wish = {"entity": "task", "server_id": "r", "device_id": f"{user}-phone"}
    return await call(tenant, user, "POST", "", wish | rest)


def refusal(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["code"]


async def events(sql: Any, tenant: Tenant) -> list[tuple[str, str]]:
    rows = await sql.fetch(
        "SELECT user_id, event FROM sync.edit_session_event WHERE tenant_id = $1 ORDER BY seq", tenant.name
    )
    return [tuple(row) for row in rows]


def test_the_rule() -> None:
    members = {("ann", "p"), ("ann", "q")}
    assert permits(members, "eve", None, {"title": "x"})
    assert permits(members, "ann", "p", {})
    assert permits(members, "ann", "p", {"project_id": "q"})
    assert permits(members, "ann", "p", {"project_id": None})
    assert permits(members, "ann", None, {"project_id": "q"})
    assert not permits(members, "eve", "p", {})
    assert not permits(members, "eve", "p", {"project_id": None})
    assert not permits(members, "ann", "p", {"project_id": "else"})
    assert not permits(members, "ann", None, {"project_id": ["p"]})


async def test_whoever_is_no_member_neither_opens_nor_learns(tenant: Tenant, sql: Any) -> None:
    await member(tenant, "PUT", "ann")
    await tenant.device("ann").one(op="create", server_id="r", data={"title": "secret", "project_id": "p"})
    assert (await open_edit(tenant, "ann", fields=["title"]))[0] == 200
    answer = await open_edit(tenant, "eve", fields=["hers"])
    assert refusal(answer) == REFUSED
    assert answer[1].keys() <= {"type", "title", "status", "code", "retryable", "detail", "request_id"}
    assert not {"ann", "secret", "p"} & set(" ".join(map(str, answer[1].values())).replace("'", " ").split())
    assert await events(sql, tenant) == [("ann", "opened")]
    assert (await open_edit(tenant, "eve", server_id="nobody's"))[0] == 200
    await member(tenant, "PUT", "eve")
    assert (await open_edit(tenant, "eve"))[0] == 200


async def test_a_permission_revoked_while_an_edit_is_open(tenant: Tenant, sql: Any) -> None:
    """It is not kept open, not opened again, and adds no fields; to close it is still allowed."""
    for user in ("ann", "eve"):
        await member(tenant, "PUT", user)
    await tenant.device("ann").one(op="create", server_id="r", data={"title": "A", "project_id": "p"})
    edit_id = str(uuid.uuid4())
    assert (await open_edit(tenant, "eve", edit_id=edit_id, fields=["title"]))[0] == 200
    assert (await call(tenant, "eve", "PUT", f"/{edit_id}", {}))[0] == 200
    await member(tenant, "DELETE", "eve")
    assert refusal(await call(tenant, "eve", "PUT", f"/{edit_id}", {"fields": ["status"]})) == REFUSED
    assert refusal(await open_edit(tenant, "eve", edit_id=edit_id)) == REFUSED
    closed = await call(tenant, "eve", "DELETE", f"/{edit_id}")
    assert (closed[0], closed[1]["status"], closed[1]["fields"]) == (200, "closed", ["title"])
    assert await events(sql, tenant) == [("eve", "opened"), ("eve", "renewed"), ("eve", "closed")]


async def test_a_record_that_moves_into_a_project_takes_its_edits_along(tenant: Tenant) -> None:
    await member(tenant, "PUT", "ann")
    await tenant.device("ann").one(op="create", server_id="r", data={"title": "A"})
    edit_id = (await open_edit(tenant, "eve"))[1]["edit_id"]
    await tenant.device("ann").one(server_id="r", client_version=1, data={"project_id": "p"})
    assert refusal(await call(tenant, "eve", "PUT", f"/{edit_id}", {})) == REFUSED


async def test_nothing_is_announced_after_a_revocation_is_answered(tenant: Tenant, sql: Any) -> None:
    """Many at once: each announcement stands before the revocation in the tenant's order, or is refused."""
    for user in ("ann", "eve"):
        await member(tenant, "PUT", user)
    await tenant.device("ann").push(*(change("create", server_id=f"r{n}", data={"project_id": "p"}) for n in range(10)))

    async def announce(n: int) -> int:
        return (await open_edit(tenant, "eve", server_id=f"r{n % 10}"))[0]

    async def revoke() -> int:
        await asyncio.sleep(0.02)
        return int((await member(tenant, "DELETE", "eve"))["seq"])

    *statuses, revoked_seq = await asyncio.gather(*(announce(n) for n in range(40)), revoke())
    assert set(statuses) <= {200, 403}
    last = await sql.fetchval("SELECT max(seq) FROM sync.edit_session_event WHERE tenant_id = $1", tenant.name)
    assert (last or 0) < revoked_seq
    assert refusal(await open_edit(tenant, "eve", server_id="r0")) == REFUSED


async def test_a_conflict_is_not_settled_into_what_is_no_project(tenant: Tenant) -> None:
    """The same rule as for a push: what is no name of a project has no members."""
    await tenant.policy("manual")
    await tenant.device("ann").one(op="create", server_id="r", data={"title": "base"})
    await tenant.device("ann").one(server_id="r", client_version=1, data={"title": "Ann's"})
    told = await tenant.device("ben").one(server_id="r", client_version=1, data={"title": "Ben's"})
    choice = {"choice": "merge", "expected_version": 2, "value": {"title": "both", "project_id": ["p"]}}
    answer = await tenant.http.post(
        f"/api/v1/conflicts/{told['conflict_id']}/resolve", headers=tenant.headers("ben", ("sync",)), json=choice
    )
    assert (answer.status_code, answer.json()["code"]) == REFUSED
