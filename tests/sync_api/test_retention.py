"""What is let go of below the horizon, and that nobody can tell but who is told to read everything again."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.sync_api.replica import Replica
from tests.sync_api.running import Tenant, change
from tests.sync_api.test_pull import stored

KEPT = timedelta(days=90)


class Retention:
    """What the retention run of the orchestration does to one tenant, and time that passes for it."""

    def __init__(self, publisher: Any, sql: Any, tenant: Tenant) -> None:
        self.publisher, self.sql, self.tenant = publisher, sql, tenant.name

    async def advance(self) -> tuple[int, int]:
        before = datetime.now(UTC) - KEPT
        return tuple(await self.publisher.fetchrow("SELECT * FROM sync.advance_horizon($1, $2)", self.tenant, before))

    async def purge(self, at_once: int = 3) -> tuple[int, int, int]:
        """How many tombstones, access changes and answers have gone."""
        tombstones, reached = 0, 0
        while reached is not None:
            emptied, reached = await self.publisher.fetchrow(
                "SELECT * FROM sync.empty_tombstones($1, $2, $3)", self.tenant, reached, at_once
            )
            tombstones += emptied
        counted = []
        for call, *arguments in [
            ("sync.forget_access_changes($1, $2)", self.tenant, at_once),
            ("sync.forget_answers($1, $2)", datetime.now(UTC) - KEPT, at_once),
        ]:
            counted.append(0)
            while gone := await self.publisher.fetchval(f"SELECT {call}", *arguments):
                counted[-1] += gone
        return tombstones, counted[0], counted[1]

    async def age(self, **by: float) -> None:
        """Everything that tells of real time happened so much earlier."""
        for statement in (
            "UPDATE sync.clock_mark SET marked_at = marked_at - $2::interval WHERE tenant_id = $1",
            "UPDATE sync.applied_change SET created_at = created_at - $2::interval WHERE tenant_id = $1",
        ):
            await self.sql.execute(statement, self.tenant, timedelta(**by))

    async def everything_so_far(self) -> tuple[int, int, int]:
        """Whatever has happened until now lies below the horizon, and is purged."""
        await self.advance()
        await self.age(days=100)
        await self.advance()
        return await self.purge()


@pytest.fixture
async def publisher(publish_url: str) -> Any:
    connection = await asyncpg.connect(publish_url)
    yield connection
    await connection.close()


@pytest.fixture
def retention(publisher: Any, sql: Any) -> Callable[[Tenant], Retention]:
    return lambda tenant: Retention(publisher, sql, tenant)


Retaining = Callable[[Tenant], Retention]


async def record(sql: Any, tenant: Tenant, name: str) -> dict[str, Any]:
    row = dict(
        await sql.fetchrow("SELECT * FROM sync.record WHERE tenant_id = $1 AND entity_id = $2", tenant.name, name)
    )
    return row | {key: json.loads(row[key]) for key in ("data", "field_versions", "last_events")}


async def test_the_horizon_is_where_the_clock_stood_then_whatever_times_an_import_brings(
    tenant: Tenant, retention: Retaining
) -> None:
    kept = retention(tenant)
    long_ago = {"received_at": "2020-01-01T00:00:00Z", "user_id": "u", "kind": "push"}
    await tenant.import_(long_ago | {"push": tenant.device("u").envelope(change("create", server_id="r0", data={}))})
    assert await kept.advance() == (0, 0)
    await kept.age(days=40)
    await tenant.device("ann").one(op="create", server_id="r1", data={})
    assert await kept.advance() == (0, 0)
    await kept.age(days=40)
    assert await kept.advance() == (0, 0)
    await kept.age(days=11)
    assert await kept.advance() == (0, 1)  # as the first mark says; the second is 51 days old
    assert await kept.advance() == (1, 1)
    await kept.age(days=50)
    assert await kept.advance() == (1, 2)
    assert await retention(tenant).advance() == (2, 2)  # and never back


async def test_a_tombstone_keeps_that_it_is_one_and_the_living_keep_everything(
    tenant: Tenant, retention: Retaining, sql: Any
) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.push(*(change("create", server_id=f"r{n}", data={"title": "A", "note": "long"}) for n in range(9)))
    await ben.push(*(change("delete", server_id=f"r{n}", client_version=1) for n in range(8)))
    await tenant.policy("manual")
    waiting = await ann.one(server_id="r0", client_version=1, data={"title": "B"})
    assert waiting["list"] == "conflicts"
    before = {name: await record(sql, tenant, name) for name in ("r0", "r1", "r8")}
    assert (await retention(tenant).everything_so_far())[:2] == (7, 0)
    await ben.one(op="create", server_id="later", data={"title": "C"})
    await ben.one(op="delete", server_id="later", client_version=1)
    assert (await retention(tenant).purge())[:2] == (0, 0)
    emptied = await record(sql, tenant, "r1")
    told = {"data": {}, "last_events": {}, "field_versions": {"_deleted": before["r1"]["field_versions"]["_deleted"]}}
    assert emptied == before["r1"] | told
    assert await record(sql, tenant, "r0") == before["r0"]  # somebody has still to decide about it
    assert await record(sql, tenant, "r8") == before["r8"]
    assert (await record(sql, tenant, "later"))["data"] == {"title": "C"}
    fresh = Replica(tenant)
    assert {(c["server_id"], c["op"]) for c in await fresh.pull()} == {
        *((f"r{n}", "delete") for n in range(8)), ("r8", "upsert"), ("later", "delete"),
    }  # fmt: skip
    assert fresh.records == await stored(sql, tenant)


LATE = [
    {"op": "update", "client_version": 1, "data": {"title": "late"}},
    {"op": "update", "client_version": 2, "data": {"title": "late"}},
    {"op": "update", "client_version": None, "data": {"title": "late"}},
    {"op": "create", "data": {"title": "late", "note": "n"}},
    {"op": "delete", "client_version": 1},
]


@pytest.mark.parametrize("strategy", ["client_wins", "server_wins", "most_recent_wins", "field_merge", "manual"])
async def test_what_comes_late_is_judged_as_if_nothing_had_been_purged(
    new_tenant: Callable[[], Tenant], retention: Retaining, strategy: str
) -> None:
    async def lives(tenant: Tenant, is_purged: bool) -> list[Any]:
        await tenant.policy(strategy)
        cases = [(late, device, f"r{n}-{device}") for n, late in enumerate(LATE) for device in ("ann", "ben", "cora")]
        ids = [name for _, _, name in cases]
        await tenant.device("ann").push(
            *(change("create", server_id=name, data={"title": "A", "note": "x"}) for name in ids)
        )
        await tenant.device("ben").push(*(change("delete", server_id=name, client_version=1) for name in ids))
        if is_purged:
            assert (await retention(tenant).everything_so_far())[0] == len(ids)
        told = []
        for late, device, name in cases:
            one = await tenant.device(device).one(**late, server_id=name, edited_at="2030-01-01T00:00:00Z")
            told.append((name, one["list"], one.get("status"), one.get("reason"), one.get("new_version")))
        return told

    purged, whole = new_tenant(), new_tenant()
    assert await lives(purged, True) == await lives(whole, False)


async def test_a_create_sent_again_when_its_answer_is_forgotten_makes_nothing_and_brings_nothing_back(
    tenant: Tenant, retention: Retaining, sql: Any
) -> None:
    ann = tenant.device("ann")
    kept, gone = change("create", data={"title": "A"}), change("create", data={"title": "B"})
    first, second = await ann.one(**kept), await ann.one(**gone)
    await ann.one(server_id=first["server_id"], client_version=1, data={"title": "mine, later"})
    await tenant.device("ben").one(server_id=first["server_id"], client_version=2, data={"note": "ben's"})
    await ann.one(op="delete", server_id=second["server_id"], client_version=1)
    assert (await retention(tenant).everything_so_far())[2] == 5
    again = [await ann.one(**one) for one in (kept, gone)]
    assert [(one["list"], one["status"], one["server_id"], one["new_version"]) for one in again] == [
        ("applied", "unchanged", first["server_id"], 3),
        ("applied", "unchanged", second["server_id"], 2),
    ]
    assert again[0]["record"]["data"] == {"title": "mine, later", "note": "ben's"}
    assert again[1]["record"]["deleted"] is True
    rows = await sql.fetch("SELECT entity_id, deleted_at FROM sync.record WHERE tenant_id = $1", tenant.name)
    assert {row["entity_id"]: row["deleted_at"] is None for row in rows} == {
        first["server_id"]: True, second["server_id"]: False,
    }  # fmt: skip
    assert [one["status"] for one in [await ann.one(**kept), await ann.one(**gone)]] == ["already_applied"] * 2


async def test_below_the_horizon_a_reader_is_told_and_from_0_it_gets_through(
    tenant: Tenant, retention: Retaining, sql: Any
) -> None:
    ann = tenant.device("ann")
    await ann.push(*(change("create", server_id=f"r{n}", data={"n": n}) for n in range(30)))
    behind, level = Replica(tenant, limit=5), Replica(tenant)
    await behind.page()
    await level.pull()
    await retention(tenant).everything_so_far()
    answer = await behind.get(since=behind.next)
    assert (answer.status_code, answer.json()["code"]) == (410, "resync_required")
    assert await level.pull() == []
    fresh = Replica(tenant, limit=4)
    await fresh.page()
    assert fresh.begun == 30
    await ann.one(op="delete", server_id="r29", client_version=1)
    await fresh.pull()
    assert fresh.begun is None
    assert len(fresh.pages) > 3
    assert fresh.records == await stored(sql, tenant)
    assert (await fresh.get(since=4, begun=99)).status_code == 410  # this was never reached


async def test_notes_of_who_lost_sight_of_what_go_when_everybody_was_told(
    tenant: Tenant, retention: Retaining, sql: Any
) -> None:
    async def member(method: str, user: str) -> None:
        path = f"/api/v1/projects/p1/members/{user}"
        assert (await tenant.http.request(method, path, headers=tenant.headers("boss", ("admin",)))).is_success

    for user in ("ann", "ben"):
        await member("PUT", user)
    await tenant.device("ann").push(
        *(change("create", server_id=f"r{n}", data={"project_id": "p1", "n": n}) for n in range(5))
    )
    reader = Replica(tenant, "ben")
    await reader.pull()
    await member("DELETE", "ben")
    await reader.pull()
    assert reader.records == {}
    assert (await retention(tenant).everything_so_far())[1] == 5
    await member("PUT", "ben")
    await reader.pull()
    assert reader.records == await stored(sql, tenant) == (await pulled(Replica(tenant, "ben"))).records
    assert (await retention(tenant).purge())[1] == 0


async def test_warnings_about_edits_that_are_over_go_by_their_age(tenant: Tenant, publisher: Any, sql: Any) -> None:
    headers, edits = tenant.headers("ann", ("sync",)), {}
    for name in ("over", "still open", "over since today"):
        wish = {"entity": "task", "server_id": name, "device_id": "ann-phone"}
        edits[name] = (await tenant.http.post("/api/v1/edits", headers=headers, json=wish)).json()["edit_id"]
        warned = "INSERT INTO sync.edit_warning VALUES ($1, $2, 0, 'ann', 'task', $3, 0.5, 0.2, NULL, NULL, $4)"
        age = timedelta(days=1 if name == "over since today" else 91)
        await sql.execute(warned, tenant.name, edits[name], name, datetime.now(UTC) - age)
        if name != "still open":
            await tenant.http.delete(f"/api/v1/edits/{edits[name]}", headers=headers)
    forget = "SELECT sync.forget_warnings($1, $2, 5)"
    gone = [await publisher.fetchval(forget, tenant.name, datetime.now(UTC) - KEPT) for _ in range(2)]
    assert gone == [1, 0]
    left = await sql.fetch("SELECT entity_id FROM sync.edit_warning WHERE tenant_id = $1", tenant.name)
    assert {row["entity_id"] for row in left} == {"still open", "over since today"}


async def pulled(replica: Replica) -> Replica:
    await replica.pull()
    return replica


async def test_pushes_and_pulls_go_on_while_it_purges(tenant: Tenant, retention: Retaining, sql: Any) -> None:
    await tenant.policy("client_wins")
    ids = [f"r{n}" for n in range(30)]
    done = asyncio.Event()
    readers = [Replica(tenant, "ann", limit=4), Replica(tenant, "ben")]
    purged: list[int] = []

    async def write(seed: int) -> None:
        device = tenant.device(f"writer-{seed}")
        for turn in range(15):
            names = ids[(seed * 5 + turn * 3) % 30 :][:6]
            await device.push(
                *(
                    change("delete", server_id=name, client_version=0)
                    if (turn + seed) % 2
                    else change("update", server_id=name, client_version=0, data={"n": turn, f"f{seed}": 1})
                    for name in names
                )
            )

    async def read(reader: Replica) -> None:
        """A device that starts over when it is told to."""
        while not done.is_set():
            answer = await reader.get(since=reader.next, **({"begun": reader.begun} if reader.begun else {}))
            if answer.status_code == 410:
                reader.records, reader.next, reader.begun = {}, 0, None
            await reader.page()
        await reader.pull()

    async def purge() -> None:
        kept = retention(tenant)
        while not done.is_set():
            purged.append(sum((await kept.everything_so_far())[:2]))

    await tenant.device("writer-0").push(*(change("create", server_id=name, data={"n": 0}) for name in ids))
    background = [asyncio.create_task(purge())]
    await asyncio.gather(*map(write, range(4)))
    done.set()
    await asyncio.gather(*background)
    done.clear()
    reading = [asyncio.create_task(read(reader)) for reader in readers]
    await asyncio.gather(*map(write, range(4)))
    done.set()
    await asyncio.gather(*reading)
    assert sum(purged) > 0
    for reader in readers:
        assert reader.records == await stored(sql, tenant)


async def test_a_record_that_somebody_works_on_is_left_for_the_next_time(
    tenant: Tenant, retention: Retaining, sql: Any, database_url: str
) -> None:
    ann = tenant.device("ann")
    await ann.push(*(change("create", server_id=f"r{n}", data={"n": n}) for n in range(4)))
    await ann.push(*(change("delete", server_id=f"r{n}", client_version=1) for n in range(4)))
    async with sql.transaction():
        await sql.execute("SELECT FROM sync.record WHERE tenant_id = $1 AND entity_id = 'r2' FOR UPDATE", tenant.name)
        kept = retention(tenant)
        kept.sql = await asyncpg.connect(database_url)
        assert (await kept.everything_so_far())[0] == 3
        await kept.sql.close()
    assert (await retention(tenant).purge())[0] == 1


async def test_only_who_publishes_may_and_other_tenants_are_not_touched(
    new_tenant: Callable[[], Tenant], retention: Retaining, api_url: str, sql: Any
) -> None:
    ours, theirs = new_tenant(), new_tenant()
    for tenant in (ours, theirs):
        await tenant.device("ann").one(op="create", server_id="r", data={"n": 1})
        await tenant.device("ann").one(op="delete", server_id="r", client_version=1)
    await retention(theirs).advance()
    await retention(ours).everything_so_far()
    assert (await record(sql, theirs, "r"))["data"] == {"n": 1}
    assert await sql.fetchval("SELECT count(*) FROM sync.applied_change WHERE tenant_id = $1", theirs.name) == 2
    assert (
        await sql.fetchval("SELECT tombstone_horizon_seq FROM sync.tenant_clock WHERE tenant_id = $1", theirs.name) == 0
    )
    intruder = await asyncpg.connect(api_url)
    for call in (
        "sync.advance_horizon('t', now())", "sync.empty_tombstones('t', 0, 1)", "sync.forget_access_changes('t', 1)",
        "sync.forget_answers(now(), 1)",
    ):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await intruder.execute(f"SELECT {call}")
    await intruder.close()
