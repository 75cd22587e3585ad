"""Pushes that meet: the same change twice at once, opposite orders, many devices on one record, a death half-way."""

import asyncio
from collections import Counter
from typing import Any

import asyncpg
import httpx
import pytest

from sync_api.push import service, store
from tests.sync_api.running import Tenant, change


async def test_the_same_push_many_times_at_once_happens_once(tenant: Tenant, sql: Any) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", server_id="old", data={"round": -1})
    for round_ in range(6):  # the first finds the server with a single connection, the later ones meet in earnest
        queue = [
            change("create", data={"title": "new"}),
            change("create", server_id=f"chosen-{round_}", data={"title": "new"}),
            change(server_id="old", client_version=round_ + 1, data={"round": round_}),
        ]
        answers = await asyncio.gather(*(ann.push(*queue) for _ in range(8)))
        assert sorted(answer["summary"]["replayed"] for answer in answers) == [0] + [3] * 7
        told = {tuple((i["server_id"], i["new_version"], i["sync_event_id"]) for i in a["applied"]) for a in answers}
        assert len(told) == 1
    assert await sql.fetchval("SELECT count(*) FROM sync.record WHERE tenant_id = $1", tenant.name) == 13
    assert await sql.fetchval("SELECT count(*) FROM sync.sync_log WHERE tenant_id = $1", tenant.name) == 19


async def test_batches_that_lock_in_opposite_orders_all_get_through(tenant: Tenant, sql: Any) -> None:
    await tenant.policy("client_wins")
    names = [f"r{n}" for n in range(20)]
    await tenant.device("ann").push(*(change("create", server_id=name, data={"n": 0}) for name in names))
    devices = [tenant.device(f"user-{n}") for n in range(6)]

    async def push(n: int) -> dict[str, Any]:
        order = names if n % 2 else names[::-1]
        return await devices[n].push(*(change(server_id=r, client_version=1, data={"n": n + 1}) for r in order))

    answers = await asyncio.gather(*map(push, range(6)))
    assert all(answer["summary"]["applied"] == 20 for answer in answers)
    versions = await sql.fetch("SELECT version FROM sync.record WHERE tenant_id = $1", tenant.name)
    assert {row["version"] for row in versions} == {7}


async def test_fifty_devices_that_create_and_edit_ten_records_lose_nothing(tenant: Tenant, sql: Any) -> None:
    await tenant.policy("client_wins")

    async def work(n: int) -> dict[str, Any]:
        return await tenant.device(f"user-{n}").push(
            *(change("create", server_id=f"hot-{r}", data={f"by-{n}": n, "last": n}) for r in range(10))
        )

    answers = await asyncio.gather(*map(work, range(50)))
    statuses = Counter(item["status"] for answer in answers for item in answer["applied"])
    assert statuses == {"applied": 10, "merged": 490}
    rows = await sql.fetch("SELECT version, data, event_count FROM sync.record WHERE tenant_id = $1", tenant.name)
    assert [(row["version"], row["event_count"]) for row in rows] == [(50, 50)] * 10
    assert all(row["data"].count('"by-') == 50 for row in rows)
    seqs = await sql.fetch("SELECT seq FROM sync.sync_log WHERE tenant_id = $1 ORDER BY seq", tenant.name)
    assert [row["seq"] for row in seqs] == list(range(1, 501))


async def test_the_order_of_seq_is_the_order_of_commit(tenant: Tenant, sql: Any, database_url: str) -> None:
    """A reader that pages by seq while writers commit never finds a row below what it has already read."""
    done = asyncio.Event()
    reader = await asyncpg.connect(database_url)

    async def read() -> list[int]:
        seen: list[int] = []
        while not done.is_set() or not seen:
            last = seen[-1] if seen else 0
            rows = await reader.fetch(
                "SELECT seq FROM sync.sync_log WHERE tenant_id = $1 AND seq > $2 ORDER BY seq", tenant.name, last
            )
            seen += [row["seq"] for row in rows]
        rows = await reader.fetch(
            "SELECT seq FROM sync.sync_log WHERE tenant_id = $1 AND seq > $2 ORDER BY seq", tenant.name, seen[-1]
        )
        return seen + [row["seq"] for row in rows]

    async def write() -> None:
        work = (
            tenant.device(f"user-{n}").push(*(change("create", data={"n": i}) for i in range(5))) for n in range(40)
        )
        await asyncio.gather(*work)
        done.set()

    seen, _ = await asyncio.gather(read(), write())
    await reader.close()
    assert seen == list(range(1, 201))


@pytest.mark.parametrize("is_known", [False, True], ids=["first push of the tenant", "later"])
async def test_what_fails_half_way_leaves_nothing(tenant: Tenant, sql: Any, is_known: bool) -> None:
    """The last of its rows is refused; with the tenant's rules still to be read (in a transaction) and without."""
    ann = tenant.device("ann")
    if is_known:
        await tenant.device("ben").one(op="create", data={"n": 0})
    tables = ("record", "sync_log", "applied_change", "sync_request", "user_activity", "device")
    count = " UNION ALL ".join(f"SELECT count(*) FROM sync.{table} WHERE tenant_id = $1" for table in tables)
    before = await sql.fetch(count, tenant.name)
    queue = [change("create", server_id=f"r{n}", data={"n": n}) for n in range(3)]
    refuse = f"CONSTRAINT refused CHECK (tenant_id <> '{tenant.name}') NOT VALID"
    await sql.execute(f"ALTER TABLE sync.sync_request ADD {refuse}")
    answer = await ann.post(json=ann.envelope(*queue))
    await sql.execute("ALTER TABLE sync.sync_request DROP CONSTRAINT refused")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (500, "internal_error", True)
    assert "refused" not in answer.text
    assert await sql.fetch(count, tenant.name) == before
    assert (await ann.push(*queue))["summary"] == {"applied": 3, "conflicts": 0, "rejected": 0, "replayed": 0}


@pytest.mark.parametrize("wish", [1, 0], ids=["a change", "nothing new"])
async def test_what_somebody_changes_between_reading_and_writing_is_seen(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, wish: int
) -> None:
    """Nothing is locked while a push is decided: who writes finds that the record is no longer what was read."""
    await tenant.policy("client_wins")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"n": 0})
    read, others = store.read, iter([change(server_id="r", client_version=1, data={"n": 2})])

    async def meet(*args: Any, **rest: Any) -> Any:
        snapshot = await read(*args, **rest)
        for other in others:
            assert (await ben.one(**other))["new_version"] == 2
        return snapshot

    monkeypatch.setattr(service.store, "read", meet)
    told = await ann.one(server_id="r", client_version=1, data={"n": wish})
    assert (told["status"], told["new_version"], told["reason"]) == ("merged", 3, "stale_version")
    assert told["record"]["data"] == {"n": wish}


async def test_a_change_that_comes_again_amid_new_ones_gets_its_answer(tenant: Tenant) -> None:
    """Also where it would now be judged otherwise, and where that judgement would not be kept."""
    ann = tenant.device("ann")
    await tenant.http.put("/api/v1/projects/p/members/ann", headers=tenant.headers("boss"))
    old = change("create", server_id="r", data={"project_id": "p"})
    (first,) = (await ann.push(old))["applied"]
    again = await ann.push(change("create"), old, change("create"))
    assert again["applied"][1] == first | {"status": "already_applied", "replayed": True}
    await tenant.http.delete("/api/v1/projects/p/members/ann", headers=tenant.headers("boss"))
    again = await ann.push(change("create"), old, change("create"))
    assert again["applied"][1] == first | {"status": "already_applied", "replayed": True}
    assert again["summary"] == {"applied": 3, "conflicts": 0, "rejected": 0, "replayed": 1}


async def test_a_push_that_fails_while_its_records_are_read_leaves_nothing_behind(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its changes are named meanwhile: what goes wrong there must not give the connection back in the middle."""
    queue = [change("create", data={"n": n}) for n in range(3)]
    ann, named = tenant.device("ann"), service.Batch.name

    def fail(_: service.Batch) -> None:
        raise ValueError

    for _ in range(3):
        monkeypatch.setattr(service.Batch, "name", fail)
        async with httpx.AsyncClient(base_url=tenant.http.base_url) as once:  # the server hangs up after an error
            answer = await once.post("/api/v1/sync/push", headers=tenant.headers(), json=ann.envelope(*queue))
            assert answer.status_code == 500
        monkeypatch.setattr(service.Batch, "name", named)
        answers = await asyncio.gather(*(tenant.device(f"u{n}").push(*queue) for n in range(4)))
        assert {answer["summary"]["applied"] for answer in answers} == {len(queue)}


async def test_a_connection_that_dies_is_answered_503_and_the_next_push_gets_through(tenant: Tenant, sql: Any) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", server_id="r", data={"n": 0})
    holder = sql.transaction()
    await holder.start()
    await sql.execute("SELECT 1 FROM sync.record WHERE tenant_id = $1 FOR UPDATE", tenant.name)
    queue = [change(server_id="r", client_version=1, data={"n": 1})]
    waiting = asyncio.create_task(ann.post(json=ann.envelope(*queue)))
    kill = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE usename = 'foresync_api' AND wait_event_type = 'Lock' AND datname = current_database()"""
    while not await sql.fetch(kill):
        await asyncio.sleep(0.02)
    answer = await waiting
    await holder.rollback()
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    assert answer.headers["Retry-After"]
    assert (await ann.push(*queue))["applied"][0]["new_version"] == 2
