"""A check leaves nothing, waits for nobody, and takes whatever is sent."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from foresync.client.checking import asked
from foresync.client.hashing import sha256
from tests.sync_api.checking import ask, one, post
from tests.sync_api.running import Tenant, change

TABLES = """
SELECT format('%I.%I', table_schema, table_name) FROM information_schema.columns JOIN information_schema.tables
  USING (table_schema, table_name)
WHERE table_schema = 'sync' AND column_name = 'tenant_id' AND table_type = 'BASE TABLE'
"""


async def everything(sql: Any, tenant: str) -> dict[str, list[str]]:
    """Every row of a tenant, as text."""
    tables = [row[0] for row in await sql.fetch(TABLES)]
    return {
        table: [
            row[0]
            for row in await sql.fetch(f"SELECT t::text FROM {table} AS t WHERE tenant_id = $1 ORDER BY 1", tenant)
        ]
        for table in tables
    }


async def test_nothing_is_written(tenant: Tenant, sql: Any) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await tenant.policy("manual")
    await ann.one(op="create", server_id="r", data={"title": "A", "tags": ["x"]})
    known = change(server_id="r", client_version=1, data={"title": "B"})
    await ann.push(known)
    before = await everything(sql, tenant.name)
    assert {len(before[f"sync.{table}"]) for table in ("record", "device", "tenant_clock")} == {1}
    for reveal in ((), ("title", "tags")):
        answer = await ask(
            ben,
            change("create", data={"title": "new"}),
            change(server_id="r", client_version=2, data={"title": "C"}),
            change(server_id="r", client_version=1, data={"title": "C", "tags": ["y"]}),
            change("delete", server_id="r", client_version=2),
            change(server_id="r", client_version=2, data={"title": 5}),
            {**change(server_id="r", client_version=2, data={"title": "D"}), "edit_id": "0" * 32},
            reveal=reveal,
        )
        assert answer["summary"]["applied"] >= 2
        assert answer["as_of_seq"] == await sql.fetchval(
            "SELECT seq FROM sync.tenant_clock WHERE tenant_id = $1", tenant.name
        )
    await ask(ann, known)
    assert await everything(sql, tenant.name) == before


async def test_it_waits_for_no_writer_and_sees_what_is_committed(tenant: Tenant, sql: Any, database_url: str) -> None:
    """A writer holds everything that a push would lock, and has written already."""
    ann = tenant.device("ann")
    await tenant.http.put("/api/v1/projects/p/members/ann", headers=tenant.headers())
    await ann.one(op="create", entity="isolation_point", server_id="i", data={"status": "verified"})
    await ann.one(op="append", entity="gas_reading", server_id="g", data={"oxygen_pct": 20.9})
    ids = {"isolation_point_ids": ["i"], "gas_reading_ids": ["g"]}
    await ann.one(op="create", entity="permit", server_id="p", data={"status": "approved", "project_id": "p", **ids})
    mine = change("update_status", entity="permit", server_id="p", client_version=1, data={"status": "active", **ids})
    writer = await asyncpg.connect(database_url)
    async with writer.transaction():
        for table in ("record", "tenant_clock", "project_member", "device", "applied_change", "tenant"):
            await writer.execute(f"SELECT 1 FROM sync.{table} WHERE tenant_id = $1 FOR UPDATE", tenant.name)
        await writer.execute("UPDATE sync.record SET version = 9 WHERE tenant_id = $1", tenant.name)
        told = await asyncio.wait_for(one(ann, mine), 60)
        assert (told["verdict"], told["exact"], told["server_version"]) == ("applied", True, 1)
    await writer.close()
    told = await one(ann, mine)
    assert (told["verdict"], told["server_version"]) == ("merged", 9)


HASH = sha256("A")
HOSTILE: dict[str, dict[str, Any]] = {
    "a short hash": {"hashes": {"a": HASH[:-1]}},
    "a long hash": {"hashes": {"a": HASH + "0"}},
    "a hash with a line's end": {"hashes": {"a": HASH + "\n"}},
    "a hash in capitals": {"hashes": {"a": HASH.upper()}},
    "a hash that is a number": {"hashes": {"a": 5}},
    "hashes that are a list": {"hashes": [HASH]},
    "a hash of a field of ours": {"hashes": {"_deleted": HASH}},
    "a name that cannot be stored": {"hashes": {"a\0": HASH}},
    "a base with a bad hash": {"base_hashes": {"a": "no"}},
    "a base of a field of ours": {"base_hashes": {"_deleted": HASH}},
    "a type that is none": {"hashes": {"a": HASH}, "types": {"a": "blob"}},
    "a value and its hash": {"data": {"a": "A"}, "hashes": {"a": HASH}},
    "a base and its hash": {"base": {"a": "A"}, "base_hashes": {"a": HASH}},
    "too many hashes": {"hashes": {f"f{n}": HASH for n in range(20_000)}},
    "too many of both": {"data": {f"d{n}": 1 for n in range(1500)}, "hashes": {f"f{n}": HASH for n in range(1500)}},
    "more depth than is any use": {"data": {"a": json.loads("[" * 60 + "]" * 60)}},
    "a lone surrogate": {"data": {"a": "\ud800"}},
}


@pytest.mark.parametrize("poison", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_poisoned_change_is_refused_alone(tenant: Tenant, poison: dict[str, Any]) -> None:
    good = [asked(change("create", data={"title": "A"})) for _ in range(2)]
    answer = await post(tenant.device("ann"), good[0], change("create", offline_id="bad") | poison, good[1])
    assert answer.status_code == 200, answer.text
    told = answer.json()["changes"]
    assert [item["verdict"] for item in told] == ["applied", "rejected", "applied"]
    assert (told[1]["offline_id"], told[1]["reason"], told[1]["exact"]) == ("bad", "validation_error", True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 400), (b"[]", 422), (b"{}", 422), (b'{"device_id": "d", "client_time": "now"}', 422),
        (b'{"device_id": "d", "client_time": "2026-01-01T00:00:00Z", "changes": 5}', 422),
        (b'{"device_id": "d", "client_time": "2026-01-01T00:00:00Z", "changes": [%b]}' % b",".join([b"1"] * 1001), 422),
        (b" " * 2_100_000, 413),
    ],
)  # fmt: skip
async def test_a_broken_body_is_refused_whole(tenant: Tenant, body: bytes, status: int) -> None:
    answer = await tenant.http.post("/api/v1/sync/check", headers=tenant.headers(), content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_someone_elses_device_is_refused_as_for_a_push(tenant: Tenant) -> None:
    await tenant.device("ann", "tablet").one(op="create", data={"title": "A"})
    answer = await post(tenant.device("ben", "tablet"), asked(change("create", data={"title": "B"})))
    assert (answer.status_code, answer.json()["code"]) == (403, "device_of_another_user")


async def test_an_empty_queue_has_an_answer(tenant: Tenant) -> None:
    answer = await post(tenant.device("ann"))
    assert (answer.json()["changes"], answer.json()["as_of_seq"]) == ([], 0)
    assert answer.headers["X-Recommended-Batch-Size"] == "100"
