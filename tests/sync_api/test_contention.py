"""Many at once on few records: every answer tells a state that the record had, and a deadlock is nobody's loss."""

import asyncio
import json
import random
from collections import defaultdict
from typing import Any

import asyncpg

from tests.sync_api.running import Tenant, change

HOT = [f"hot-{n}" for n in range(10)]
DEVICES, ROUNDS = 50, 3


async def test_fifty_devices_on_ten_hot_records(tenant: Tenant, sql: Any) -> None:
    """Each edits a field of its own, one that all share and one where the larger wins, from what it was last told."""
    await tenant.device("root").push(*(change("create", server_id=name, data={"progress": 0}) for name in HOT))
    answers: list[dict[str, Any]] = []

    async def work(n: int) -> None:
        device, order, known = tenant.device(f"user-{n}"), random.Random(n), dict.fromkeys(HOT, 1)
        for turn in range(ROUNDS):
            names = order.sample(HOT, len(HOT))
            told = await device.push(
                *(
                    change(server_id=name, client_version=known[name],
                           data={f"by-{n}": turn, "last": f"{n}.{turn}", "progress": n + turn})
                    for name in names
                )
            )  # fmt: skip
            assert told["summary"] == {"applied": 10, "conflicts": 0, "rejected": 0, "replayed": 0}
            assert [item["server_id"] for item in told["applied"]] == names
            known = {item["server_id"]: item["new_version"] for item in told["applied"]}
            answers.extend(told["applied"])

    await asyncio.gather(*map(work, range(DEVICES)))
    states = await _states(sql, tenant.name)
    for item in answers:
        state = states[item["server_id"]][item["new_version"]]
        if item["record"] is not None:
            assert item["record"]["data"] == state
    rows = await sql.fetch("SELECT entity_id, version, data FROM sync.record WHERE tenant_id = $1", tenant.name)
    for row in rows:
        data, told = json.loads(row["data"]), states[row["entity_id"]]
        assert sorted(told) == list(range(1, row["version"] + 1))
        assert data == told[row["version"]]
        assert {f"by-{n}": ROUNDS - 1 for n in range(DEVICES)}.items() <= data.items()


async def test_a_push_that_is_the_victim_of_a_deadlock_is_run_again(
    tenant: Tenant, sql: Any, database_url: str
) -> None:
    ann = tenant.device("ann")
    await ann.push(*(change("create", server_id=name, data={"n": 0}) for name in ("a", "b")))
    side = await asyncpg.connect(database_url)
    await side.execute("SET deadlock_timeout = '60s'")  # so that the push is the one to find the deadlock
    lock = "SELECT 1 FROM sync.record WHERE tenant_id = $1 AND entity_id = $2 FOR UPDATE"
    before = await _deadlocks(sql)
    holder = side.transaction()
    await holder.start()
    await side.execute(lock, tenant.name, "b")
    pushing = asyncio.create_task(ann.push(*(change(server_id=r, client_version=1, data={"n": 1}) for r in "ab")))
    while not await sql.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'foresync_api' AND wait_event_type = 'Lock'"
        " AND datname = current_database()"
    ):
        await asyncio.sleep(0.01)
    await side.execute(lock, tenant.name, "a")
    await holder.commit()
    await side.close()
    assert [item["new_version"] for item in (await pushing)["applied"]] == [2, 2]
    while await _deadlocks(sql) == before:  # PostgreSQL tells its statistics a little later
        await asyncio.sleep(0.1)
    assert await sql.fetchval("SELECT count(*) FROM sync.sync_log WHERE tenant_id = $1", tenant.name) == 4


async def _deadlocks(sql: Any) -> int:
    return int(await sql.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))


async def _states(sql: Any, tenant: str) -> dict[str, dict[int, dict[str, Any]]]:
    """Every record at every version, as the log tells it. Fails where two events made the same version."""
    states: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    rows = await sql.fetch(
        """SELECT entity_id, new_version, field_changes FROM sync.sync_log
           WHERE tenant_id = $1 AND new_version IS NOT NULL ORDER BY seq""",
        tenant,
    )
    for row in rows:
        told = states[row["entity_id"]]
        assert row["new_version"] == len(told) + 1
        written = {name: change["new"] for name, change in json.loads(row["field_changes"]).items()}
        told[row["new_version"]] = told.get(row["new_version"] - 1, {}) | written
    return states
