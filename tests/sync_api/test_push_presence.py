"""The two figures that every event is logged with: who else was there, and how long its user had been away."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_api.push.presence import MOST_USERS, Presence
from tests.sync_api.running import Tenant, change

T = datetime(2026, 9, 1, 12, tzinfo=UTC)
NOON, SECOND, MINUTE, HOUR, DAY = int(T.timestamp() * 1000), 1000, 60_000, 3_600_000, 24 * 3_600_000


def test_others_count_for_five_minutes_and_while_they_have_it_open() -> None:
    presence = Presence(editing=["cy", "ann"])
    presence.note("ben", NOON)
    assert presence.concurrent_editors("ann", NOON + 4 * MINUTE) == 2
    assert presence.concurrent_editors("ben", NOON + 4 * MINUTE) == 2
    assert presence.concurrent_editors("ann", NOON + 5 * MINUTE) == 1


def test_a_week_away_is_as_good_as_never_there() -> None:
    presence = Presence()
    assert presence.hours_since_last_sync("ann", NOON) == 168
    presence.note("ann", NOON)
    assert presence.hours_since_last_sync("ann", NOON + 90 * MINUTE) == 1.5
    assert presence.hours_since_last_sync("ann", NOON + 9 * DAY) == 168


def test_changes_of_one_push_see_what_was_there_before_it() -> None:
    presence = Presence()
    presence.note("ann", NOON)
    presence.note("ann", NOON + 2 * HOUR)
    assert presence.hours_since_last_sync("ann", NOON + 2 * HOUR) == 2


def test_what_a_record_remembers_is_bounded() -> None:
    presence = Presence()
    presence.note("old", NOON - 8 * DAY)
    for number in range(MOST_USERS + 5):
        presence.note(f"u{number}", NOON + number * SECOND)
    assert list(presence.last_events) == [f"u{number}" for number in range(5, MOST_USERS + 5)]


async def test_events_are_logged_with_them(tenant: Tenant, sql: Any) -> None:
    await tenant.http.post(
        "/api/v1/edits",
        headers=tenant.headers("cy"),
        json={"entity": "task", "server_id": "r", "device_id": "cy-phone"},
    )
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "t"})
    await ben.push(*(change(server_id="r", client_version=1, data={"title": title}) for title in "uv"))
    await ann.one(server_id="r", client_version=2, data={"notes": "n"})
    rows = await sql.fetch(
        """SELECT user_id, concurrent_editors, hours_since_last_sync FROM sync.sync_log
           WHERE tenant_id = $1 ORDER BY seq""",
        tenant.name,
    )
    assert [(row["user_id"], row["concurrent_editors"]) for row in rows] == [
        ("ann", 0), ("ben", 2), ("ben", 2), ("ann", 2),
    ]  # fmt: skip
    assert [row["hours_since_last_sync"] == 168 for row in rows] == [True, True, True, False]
    assert rows[3]["hours_since_last_sync"] == pytest.approx(0, abs=0.1)


async def test_who_has_a_record_open_has_no_other_of_that_name_open(tenant: Tenant, sql: Any) -> None:
    for user, entity, name in (("cy", "task", "r"), ("di", "task", "r"), ("cy", "asset", "s")):
        wish = {"entity": entity, "server_id": name, "device_id": f"{user}-phone"}
        await tenant.http.post("/api/v1/edits", headers=tenant.headers(user), json=wish)
    names = [(entity, name) for entity in ("task", "asset") for name in "rs"]
    for version in (None, 1):  # of records that are not there yet, nobody knows
        await tenant.device("ann").push(
            *(change("update" if version else "create", entity, server_id=name, client_version=version,
                     data={"notes": str(version)}) for entity, name in names)
        )  # fmt: skip
    rows = await sql.fetch(
        """SELECT entity_type, entity_id, concurrent_editors FROM sync.sync_log
           WHERE tenant_id = $1 AND base_version = 1 ORDER BY seq""",
        tenant.name,
    )
    assert [tuple(row) for row in rows] == [("task", "r", 2), ("task", "s", 0), ("asset", "r", 0), ("asset", "s", 1)]


async def test_a_history_is_logged_by_its_own_clock(tenant: Tenant, sql: Any) -> None:
    def item(hour: int, **rest: Any) -> dict[str, Any]:
        at = (T + timedelta(hours=hour)).isoformat()
        push = {"device_id": "d", "client_time": at, "changes": [change(server_id="r", **rest)]}
        return {"kind": "push", "user_id": "ann", "received_at": at, "push": push}

    await tenant.import_(item(0, op="create", data={"title": "a"}), item(3, client_version=1, data={"title": "b"}))
    rows = await sql.fetch(
        "SELECT concurrent_editors, hours_since_last_sync FROM sync.sync_log WHERE tenant_id = $1 ORDER BY seq",
        tenant.name,
    )
    assert [tuple(row) for row in rows] == [(None, 168.0), (None, 3.0)]
