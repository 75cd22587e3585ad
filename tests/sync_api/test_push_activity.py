"""The running counters that features are read from are what the log says, however it was written."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from tests.sync_api.running import Tenant, change, now

BACKFILL = import_module("sync_api.db.migrations.versions.0022_features_of_histories").BACKFILL
COUNTED = {
    "tenant_clock": "timed_event_count, timed_conflict_count, timed_push_count, conflicted_push_count, open_log_sum",
    "user_activity": "user_id, timed_push_count, conflicted_push_count, open_log_sum",
    "type_activity": "entity_type, timed_event_count, timed_conflict_count",
    "recent_push": "slot, conflicted_before, open_log_before",
}


async def counters(sql: Any, tenant: str) -> dict[str, set[tuple[Any, ...]]]:
    """Table → its rows of the tenant."""
    return {
        table: {tuple(row) for row in await sql.fetch(f"SELECT {names} FROM sync.{table} WHERE tenant_id = $1", tenant)}
        for table, names in COUNTED.items()
    }


async def by_the_log(sql: Any, tenant: str) -> dict[str, set[tuple[Any, ...]]]:
    """The same as the migration makes them for a log that is there already; changes nothing."""
    transaction = sql.transaction()
    await transaction.start()
    for table in ("type_activity", "recent_push"):
        await sql.execute(f"DELETE FROM sync.{table}")
    for table in ("tenant_clock", "user_activity"):
        zero = ", ".join(f"{name} = 0" for name in COUNTED[table].split(", ") if name != "user_id")
        await sql.execute(f"UPDATE sync.{table} SET {zero}")
    for statement in BACKFILL:
        await sql.execute(statement)
    found = await counters(sql, tenant)
    await transaction.rollback()
    return found


def a_push(draw: random.Random, number: int) -> dict[str, Any]:
    """Of a history: several records, some edited long before, some at once, many from an old version."""
    received_at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)
    user = draw.choice("abc")
    changes = [
        change(
            entity=entity, server_id=record, client_version=draw.choice((1, 1 + number // 8)),
            data={draw.choice("xy"): number},
            edited_at=(received_at - timedelta(seconds=draw.choice((0, 0, 20, 4000.5, 1e6)))).isoformat(),
        )
        for entity, record in draw.sample([("task", "r1"), ("task", "r2"), ("ticket", "r1")], draw.randint(1, 2))
    ]  # fmt: skip
    envelope = {"device_id": f"{user}-main", "client_time": received_at.isoformat(), "changes": changes}
    return {"kind": "push", "user_id": user, "received_at": received_at.isoformat(), "push": envelope}


async def test_they_are_what_the_log_says_after_an_import_and_pushes_that_meet(tenant: Tenant, sql: Any) -> None:
    draw = random.Random(5)
    await tenant.policy("client_wins", entity="*")
    born = [
        change("create", entity=kind, server_id=f"r{n}", data={"x": 0}) for kind in ("task", "ticket") for n in (1, 2)
    ]
    await tenant.device("ann").push(*born)
    for first in (0, 320):  # more at once than are kept
        await tenant.import_(*(a_push(draw, first + number) for number in range(320 if first == 0 else 40)))
    stale = [change(entity="task", server_id="r2", client_version=1, data={"x": f"w{n}"}) for n in range(12)]
    await asyncio.gather(*(tenant.device(f"user-{n}").push(one) for n, one in enumerate(stale)))

    found = await counters(sql, tenant.name)
    ((events, conflicts, pushes, conflicted, open_log),) = found["tenant_clock"]
    assert 220 < pushes < events and 0 < conflicted < conflicts and open_log > pushes * 2**34
    assert len(found["recent_push"]) == 200
    assert found == await by_the_log(sql, tenant.name)


async def test_the_same_push_again_counts_once_and_one_that_says_nothing_new_not_at_all(
    tenant: Tenant, sql: Any
) -> None:
    ann = tenant.device("ann")
    made = change("create", server_id="r", data={"x": 1}, edited_at=now(seconds=-90))
    await ann.push(made)
    once = await counters(sql, tenant.name)
    await ann.push(made)
    await ann.push(change(server_id="r", client_version=1, data={"x": 1}))

    assert await counters(sql, tenant.name) == once
    ((_, _, pushes, _, _),) = once["tenant_clock"]
    assert pushes == 1
