"""The feed: every record once, in commit order, pages filled, no hole, nothing of anybody else's."""

import asyncio
import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from tests.sync_api.replica import Replica
from tests.sync_api.running import Tenant, change


async def stored(sql: Any, tenant: Tenant) -> dict[tuple[str, str], dict[str, Any]]:
    """The records as the database has them."""
    rows = await sql.fetch("SELECT * FROM sync.record WHERE tenant_id = $1 AND deleted_at IS NULL", tenant.name)
    return {(r["entity_type"], r["entity_id"]): {"version": r["version"], "data": json.loads(r["data"])} for r in rows}


async def test_a_record_stands_in_the_feed_once_at_its_last_write(tenant: Tenant) -> None:
    ann, ben, reader = tenant.device("ann"), tenant.device("ben"), Replica(tenant)
    await ann.push(*(change("create", server_id=f"r{n}", data={"n": n, "note": 'ä"\\\n'}) for n in range(3)))
    await ben.one(server_id="r0", client_version=1, data={"n": 9})
    await ben.one(op="delete", server_id="r1", client_version=1)
    told = await reader.pull()
    assert [(c["seq"], c["entity"], c["server_id"], c["op"], c["version"], c["by_device"]) for c in told] == [
        (3, "task", "r2", "upsert", 1, "ann-phone"),
        (4, "task", "r0", "upsert", 2, "ben-phone"),
        (5, "task", "r1", "delete", 2, "ben-phone"),
    ]
    assert [c["data"] for c in told] == [{"n": 2, "note": 'ä"\\\n'}, {"n": 9, "note": 'ä"\\\n'}, None]
    assert await reader.pull() == []
    assert (reader.next, reader.pages[-1]["has_more"]) == (5, False)
    await ann.one(server_id="r2", client_version=1, data={"n": 2})  # equal values: nothing to tell
    assert await reader.pull() == []


async def test_every_page_is_full_until_the_last_also_under_a_filter(tenant: Tenant) -> None:
    types = ["task", "ticket", "journal"]
    await tenant.device("ann").push(
        *(change("create", types[n % 3], server_id=f"r{n}", data={"n": n}) for n in range(60))
    )
    for entities, total, sizes in [
        (None, 60, [8] * 7 + [4]),
        ("ticket", 20, [8, 8, 4]),
        ("ticket,journal", 40, [8] * 5),
    ]:
        reader = Replica(tenant, limit=8, entities=entities)
        assert len(await reader.pull()) == total
        assert [len(page["changes"]) for page in reader.pages] == sizes
        assert [page["has_more"] for page in reader.pages] == [True] * (len(sizes) - 1) + [False]
        assert reader.next == 60


async def test_tenants_never_meet_in_a_feed(new_tenant: Callable[[], Tenant]) -> None:
    ours, theirs = new_tenant(), new_tenant()
    await ours.device("ann").push(*(change("create", server_id=f"o{n}", data={}) for n in range(5)))
    await theirs.device("ann").push(*(change("create", server_id=f"t{n}", data={}) for n in range(5)))
    assert {c["server_id"] for c in await Replica(ours).pull()} == {f"o{n}" for n in range(5)}
    assert {c["server_id"] for c in await Replica(theirs).pull()} == {f"t{n}" for n in range(5)}


async def test_a_writer_held_open_leaves_no_hole(tenant: Tenant, api_url: str, sql: Any) -> None:
    """Its seq is taken when nothing but the commit is left, so that nobody with a later one can commit before it."""
    ann, reader = tenant.device("ann"), Replica(tenant)
    await ann.push(*(change("create", server_id=f"r{n}", data={"n": 0}) for n in range(10)))
    held = await asyncpg.connect(api_url)
    transaction = held.transaction()
    await transaction.start()
    await held.execute("SELECT set_config('foresync.tenant', $1, true)", tenant.name)
    await held.execute("SELECT FROM sync.record WHERE entity_id = 'r3' FOR NO KEY UPDATE")
    # before it has taken its seq, others pass it by
    await ann.one(server_id="r4", client_version=1, data={"n": 1})
    assert len(await reader.pull()) == 10
    await held.execute(
        """WITH clock AS (UPDATE sync.tenant_clock SET seq = seq + 1 RETURNING seq)
           UPDATE sync.record SET seq = clock.seq, version = 2, data = '{"n": 1}' FROM clock WHERE entity_id = 'r3'"""
    )
    # and afterwards they wait: a reader sees neither
    late = asyncio.create_task(ann.one(server_id="r5", client_version=1, data={"n": 1}))
    for _ in range(200):
        if await sql.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            break
        await asyncio.sleep(0.01)
    assert await reader.pull() == []
    assert not late.done()
    await transaction.commit()
    await late
    assert [c["server_id"] for c in await reader.pull()] == ["r3", "r5"]
    assert reader.records == await stored(sql, tenant)
    await held.close()


async def test_a_reader_converges_while_many_write(tenant: Tenant, sql: Any) -> None:
    await tenant.policy("client_wins")
    ids = [f"r{n}" for n in range(40)]
    done = asyncio.Event()
    readers = [Replica(tenant, "ann", limit=3), Replica(tenant, "ben", limit=500)]

    async def write(seed: int) -> None:
        device, choice = tenant.device(f"writer-{seed}"), random.Random(seed)
        for _ in range(12):
            await device.push(
                *(
                    change("delete", server_id=name, client_version=0)
                    if choice.random() < 0.15
                    else change("update", server_id=name, client_version=0, data={"n": choice.random(), f"f{seed}": 1})
                    for name in choice.sample(ids, 6)
                )
            )

    async def read(reader: Replica) -> None:
        while not done.is_set():
            await reader.pull()
        await reader.pull()

    reading = [asyncio.create_task(read(reader)) for reader in readers]
    await asyncio.gather(*map(write, range(6)))
    done.set()
    await asyncio.gather(*reading)
    truth = await stored(sql, tenant)
    assert truth
    for reader in readers:
        assert reader.records == truth
        assert len(reader.pages) > 3
    first_time = [c for c in await Replica(tenant, limit=11).pull() if c["op"] == "upsert"]
    assert len(first_time) == len(truth)


async def test_a_position_that_cannot_be_continued_is_told_so(tenant: Tenant, sql: Any) -> None:
    reader = Replica(tenant)
    await tenant.device("ann").push(*(change("create", server_id=f"r{n}", data={}) for n in range(9)))
    await reader.pull()

    async def code(**params: Any) -> tuple[int, str, bool]:
        answer = await reader.get(**params)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"], answer.json()["retryable"]

    gone = (410, "resync_required", False)
    assert await code(since=10) == gone
    await sql.execute("UPDATE sync.tenant_clock SET tombstone_horizon_seq = 5 WHERE tenant_id = $1", tenant.name)
    assert await code(since=4) == gone
    for alright in (0, 5, 9):
        assert (await reader.get(since=alright)).status_code == 200
    await sql.execute("UPDATE sync.tenant SET epoch = gen_random_uuid() WHERE tenant_id = $1", tenant.name)
    assert await code(since=9, epoch=reader.epoch) == gone
    assert (await reader.get(since=9)).json()["epoch"] != reader.epoch


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": -1}, {"since": 2**63}, {"since": "x"}, {"limit": 0}, {"limit": 2001}, {"limit": "all"},
        {"entities": "Task"}, {"entities": "task,"}, {"entities": "task;ticket"}, {"epoch": "yesterday"},
    ],
)  # fmt: skip
async def test_a_bad_parameter_is_a_problem(tenant: Tenant, wrong: dict[str, Any]) -> None:
    answer = await Replica(tenant).get(**wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


async def test_a_page_of_very_large_records_is_shorter_and_says_so(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sync_api.pull import store

    monkeypatch.setattr(store, "LARGEST_PAGE_BYTES", 10_000)
    noise = random.Random(1)
    for n in range(6):
        text = "".join(noise.choices("abcdefghijklmnopqrstuvwxyz", k=3000))
        await tenant.device("ann").one(op="create", server_id=f"r{n}", data={"text": text})
    await tenant.device("ann").one(op="create", server_id="huge", data={"text": "".join(noise.choices("ab", k=60_000))})
    reader = Replica(tenant, limit=100)
    assert [c["server_id"] for c in await reader.pull()] == [*(f"r{n}" for n in range(6)), "huge"]
    assert len(reader.pages) > 2


async def test_a_record_that_looks_like_a_change_cannot_cut_a_page(tenant: Tenant) -> None:
    for n in range(6):
        looks = {"text": f',{{"seq":{n + 2},"entity":"task"', "list": [0, {"seq": n + 2, "entity": "task"}]}
        await tenant.device("ann").one(op="create", server_id=f"r{n}", data=looks)
    reader = Replica(tenant, limit=1)
    assert [c["server_id"] for c in await reader.pull()] == [f"r{n}" for n in range(6)]
    assert [len(page["changes"]) for page in reader.pages] == [1] * 6


async def test_an_answer_names_its_own_place(tenant: Tenant) -> None:
    answer = await Replica(tenant).get()
    assert answer.json()["changes"] == []
    assert {"x-server-time", "x-recommended-batch-size"} <= set(answer.headers)
    assert list(itertools.islice(answer.json(), 4)) == ["changes", "next", "has_more", "epoch"]
