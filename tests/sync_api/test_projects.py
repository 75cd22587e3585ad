"""Projects: who sees and writes what, and how a feed tells those whose sight has changed."""

import asyncio
import json
import random
from typing import Any

import pytest

from tests.sync_api.replica import Replica
from tests.sync_api.running import Device, Tenant, change, verdict


async def member(tenant: Tenant, method: str, project: str, user: str) -> dict[str, Any]:
    answer = await tenant.http.request(
        method, f"/api/v1/projects/{project}/members/{user}", headers=tenant.headers("boss", ("admin",))
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def grant(tenant: Tenant, project: str, *users: str) -> None:
    for user in users:
        assert (await member(tenant, "PUT", project, user))["revoked_at"] is None


async def revoke(tenant: Tenant, project: str, user: str) -> None:
    assert (await member(tenant, "DELETE", project, user))["revoked_at"] is not None


def told(changes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(c["server_id"], c["op"]) for c in changes]


async def create(device: Device, *ids: str, project: str | None) -> None:
    fields = {"project_id": project} if project else {}
    answer = await device.push(*(change("create", server_id=i, data={"n": 0} | fields) for i in ids))
    assert answer["summary"]["rejected"] == 0, answer


async def test_a_record_is_its_projects_members_alone(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await grant(tenant, "p", "ann", "ben")
    await create(ann, "shared", project=None)
    await create(ann, "secret", project="p")
    assert told(await Replica(tenant, "ben").pull()) == [("shared", "upsert"), ("secret", "upsert")]
    outsider = Replica(tenant, "eve")
    assert told(await outsider.pull()) == [("shared", "upsert")]
    assert (await outsider.get("/api/v1/sync/digest", entity="task")).json()["count"] == 1
    assert (await Replica(tenant, "ben").get("/api/v1/sync/digest", entity="task")).json()["count"] == 2


async def test_whoever_comes_gets_what_is_there_and_whoever_goes_is_told_to_drop_it(tenant: Tenant) -> None:
    ann, eve = tenant.device("ann"), Replica(tenant, "eve", limit=2)
    await grant(tenant, "p", "ann")
    names = [f"r{n}" for n in range(5)]
    await create(ann, *names, project="p")
    await create(ann, "elsewhere", project=None)
    assert told(await eve.pull()) == [("elsewhere", "upsert")]
    await grant(tenant, "p", "eve")
    assert told(await eve.pull()) == [(name, "upsert") for name in names]
    assert [len(page["changes"]) for page in eve.pages[-3:]] == [2, 2, 1]
    await ann.one(server_id="r3", client_version=1, data={"n": 1})
    await ann.one(op="delete", server_id="r4", client_version=1)
    assert told(await eve.pull()) == [("r3", "upsert"), ("r4", "delete")]
    await revoke(tenant, "p", "eve")
    await ann.one(server_id="r0", client_version=1, data={"n": 2})
    gone = await eve.pull()
    assert {name for name, op in told(gone) if op == "remove"} == set(names)
    assert {op for _, op in told(gone)} == {"remove"}
    assert all(c["data"] is None and c["version"] is None and c["by_device"] is None for c in gone)
    assert set(eve.records) == {("task", "elsewhere")}
    await grant(tenant, "p", "eve")
    await eve.pull()
    assert {name for _, name in eve.records} == {"elsewhere", "r0", "r1", "r2", "r3"}
    fresh = Replica(tenant, "eve")
    await fresh.pull()
    assert fresh.records == eve.records


async def test_granting_and_revoking_twice_is_once(tenant: Tenant) -> None:
    first = await member(tenant, "PUT", "p", "ann")
    assert await member(tenant, "PUT", "p", "ann") == first
    gone = await member(tenant, "DELETE", "p", "ann")
    assert await member(tenant, "DELETE", "p", "ann") == gone
    assert gone["seq"] > first["seq"]
    listed = await tenant.http.get("/api/v1/projects/p/members", headers=tenant.headers())
    assert listed.json() == {"members": [gone]}
    never = await tenant.http.delete("/api/v1/projects/p/members/nobody", headers=tenant.headers())
    assert (never.status_code, never.json()["code"]) == (404, "member_not_found")


async def test_a_move_takes_a_record_from_some_and_brings_it_to_others(tenant: Tenant) -> None:
    await grant(tenant, "p", "ann", "pat", "both")
    await grant(tenant, "q", "ann", "quin", "both")
    ann = tenant.device("ann")
    await create(ann, "r", project="p")
    readers = {user: Replica(tenant, user) for user in ("pat", "quin", "both", "eve")}
    for reader in readers.values():
        await reader.pull()

    async def after(**data: Any) -> dict[str, list[tuple[str, str]]]:
        assert (await ann.one(server_id="r", data=data))["status"] in ("applied", "merged")
        return {user: told(await reader.pull()) for user, reader in readers.items()}

    upsert, remove = [("r", "upsert")], [("r", "remove")]
    assert await after(project_id="q") == {"pat": remove, "quin": upsert, "both": upsert, "eve": []}
    assert await after(project_id=None) == {"pat": upsert, "quin": upsert, "both": upsert, "eve": upsert}
    await ann.one(server_id="r", data={"n": 3, "project_id": "p"})
    assert {user: told(await reader.pull()) for user, reader in readers.items()} == {
        "pat": upsert, "quin": remove, "both": upsert, "eve": remove
    }  # fmt: skip


async def test_who_is_no_member_may_not_write(tenant: Tenant, sql: Any) -> None:
    ann, eve = tenant.device("ann"), tenant.device("eve")
    await grant(tenant, "p", "ann")
    await create(ann, "r", project="p")
    into = change("create", server_id="x", data={"project_id": "p"})
    answer = await eve.push(
        change(server_id="r", client_version=1, data={"n": 1}),
        change("delete", server_id="r", client_version=1),
        into,
        change("create", server_id="y", data={"project_id": ["p"]}),
        change("create", server_id="z", data={"n": 1}),
    )
    assert [(r["reason"], r["retryable"]) for r in answer["rejected"]] == [
        ("not_permitted", False),
        ("blocked", True),
    ] + [("not_permitted", False)] * 2
    assert [a["server_id"] for a in answer["applied"]] == ["z"]
    closed = verdict(await ann.push(change(server_id="r", client_version=1, data={"project_id": "never-opened"})))
    assert closed["reason"] == "not_permitted"
    assert (
        await sql.fetchval("SELECT version FROM sync.record WHERE tenant_id = $1 AND entity_id = 'r'", tenant.name) == 1
    )
    # the refusal is no lasting verdict on the change: once its sender is let in, the same change is taken
    await grant(tenant, "p", "eve")
    assert verdict(await eve.push(into))["status"] == "applied"


async def test_a_permission_revoked_while_syncing(tenant: Tenant, sql: Any) -> None:
    """Once the revocation is answered nothing more of that user's comes in, and what was seen is taken back."""
    await grant(tenant, "p", "ann", "eve")
    ann, eve = tenant.device("ann"), tenant.device("eve")
    names = [f"r{n}" for n in range(20)]
    await create(ann, *names, project="p")
    reader, is_revoked = Replica(tenant, "eve", limit=3), asyncio.Event()
    late: list[dict[str, Any]] = []

    async def push() -> None:
        for n in range(60):
            began_after = is_revoked.is_set()
            answer = await eve.push(*(change(server_id=i, client_version=0, data={"n": n}) for i in names[:4]))
            if began_after:
                late.append(answer["summary"])

    async def pull() -> None:
        while not is_revoked.is_set():
            await reader.pull()
        await reader.pull()

    async def end() -> None:
        while len(reader.records) < len(names):
            await asyncio.sleep(0.01)
        await revoke(tenant, "p", "eve")
        is_revoked.set()

    await asyncio.gather(push(), pull(), end())
    await reader.pull()
    assert late
    assert all((summary["applied"], summary["rejected"]) == (0, 4) for summary in late)
    assert reader.records == {}
    revoked_seq = (await member(tenant, "DELETE", "p", "eve"))["seq"]
    last = await sql.fetchval(
        "SELECT max(seq) FROM sync.sync_log WHERE tenant_id = $1 AND user_id = 'eve'", tenant.name
    )
    assert last < revoked_seq
    whole = Replica(tenant, "ann")
    await whole.pull()
    assert len(whole.records) == len(names)


@pytest.mark.parametrize("seed", range(4))
async def test_every_replica_is_what_its_user_may_see(tenant: Tenant, sql: Any, seed: int) -> None:
    choice = random.Random(seed)
    users, projects = ["ann", "ben", "cas"], ["p", "q"]
    await grant(tenant, "p", "root")
    await grant(tenant, "q", "root")
    root = tenant.device("root")
    replicas = {user: Replica(tenant, user, limit=choice.randint(1, 5)) for user in users}
    members: set[tuple[str, str]] = set()
    for _ in range(60):
        user, project = choice.choice(users), choice.choice(projects)
        match choice.randrange(7):
            case 0 | 1:
                name = f"r{choice.randrange(8)}"
                await root.push(
                    change(
                        server_id=name,
                        client_version=0,
                        data={"project_id": choice.choice([project, None]), "n": choice.random()},
                    )
                )
            case 2:
                await root.push(change("delete", server_id=f"r{choice.randrange(8)}", client_version=0))
            case 3:
                await grant(tenant, project, user)
                members.add((project, user))
            case 4:
                if (project, user) in members:
                    await revoke(tenant, project, user)
                    members.remove((project, user))
            case _:
                await replicas[user].page()
    for user, replica in replicas.items():
        await replica.pull()
        mine = [project for project, one in members if one == user]
        rows = await sql.fetch(
            """SELECT * FROM sync.record
               WHERE tenant_id = $1 AND deleted_at IS NULL AND (project_id IS NULL OR project_id = ANY($2))""",
            tenant.name, mine,
        )  # fmt: skip
        truth = {
            (r["entity_type"], r["entity_id"]): {"version": r["version"], "data": json.loads(r["data"])} for r in rows
        }
        assert replica.records == truth
