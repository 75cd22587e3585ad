"""A history comes in with its own clock, in its own order, and only once."""

import asyncio
import json
import uuid
from importlib import import_module
from typing import Any

from tests.sync_api.running import Tenant, change

REPAIR = import_module("sync_api.db.migrations.versions.0026_first_event_of_a_record").REPAIR


def push(user: str, at: str, *changes: dict[str, Any], device: str | None = None) -> dict[str, Any]:
    envelope = {"device_id": device or f"{user}-main", "client_time": at, "changes": list(changes)}
    return {"kind": "push", "user_id": user, "received_at": at, "push": envelope}


def presence(user: str, at: str, **rest: Any) -> dict[str, Any]:
    return {
        "kind": "presence", "id": str(uuid.uuid4()), "edit_id": str(uuid.uuid4()), "event": "opened", "user_id": user,
        "device_id": f"{user}-main", "entity": "task", "entity_id": "r", "received_at": at,
    } | rest  # fmt: skip


def history() -> list[dict[str, Any]]:
    return [
        push("ann", "2019-03-31T23:59:59Z", change("create", server_id="r", data={"title": "A"})),
        presence("ben", "2019-04-01T08:00:00Z", fields=["title"], base_version=1),
        push("ann", "2019-04-01T09:00:00Z", change(server_id="r", client_version=1, data={"title": "B"},
                                                   edited_at="2019-04-01T08:30:00Z")),
        push("ben", "2019-04-02T09:00:00Z", change(server_id="r", client_version=1, data={"title": "C"},
                                                   edited_at="2019-04-01T07:00:00Z"), device="ben-m1"),
    ]  # fmt: skip


async def test_a_history_is_taken_in_order_with_its_own_times(tenant: Tenant, sql: Any) -> None:
    results = await tenant.import_(*history())
    statuses = [r["answer"]["applied"][0]["status"] if r["kind"] == "push" else r["status"] for r in results]
    assert statuses == ["applied", "recorded", "applied", "merged"]
    assert results[3]["answer"]["applied"][0]["record"]["data"] == {"title": "B"}  # ann's edit was the later
    rows = await sql.fetch(
        """SELECT seq, received_at, edited_at FROM sync.sync_log WHERE tenant_id = $1
           UNION ALL SELECT seq, received_at, NULL FROM sync.edit_session_event WHERE tenant_id = $1 ORDER BY seq""",
        tenant.name,
    )
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert [row["received_at"].isoformat() for row in rows] == [
        "2019-03-31T23:59:59+00:00", "2019-04-01T08:00:00+00:00", "2019-04-01T09:00:00+00:00",
        "2019-04-02T09:00:00+00:00",
    ]  # fmt: skip
    assert rows[2]["edited_at"].isoformat() == "2019-04-01T08:30:00+00:00"
    parts = await sql.fetch("SELECT tableoid::regclass::text FROM sync.sync_log WHERE tenant_id = $1 ORDER BY seq",
                            tenant.name)  # fmt: skip
    assert [row[0] for row in parts] == ["sync.sync_log_y2019m03"] + ["sync.sync_log_y2019m04"] * 2
    open_until = await sql.fetchval(
        "SELECT expires_at - received_at FROM sync.edit_session WHERE tenant_id = $1", tenant.name
    )
    assert open_until.days == 30
    assert await sql.fetchval("SELECT count(*) FROM sync.device WHERE tenant_id = $1", tenant.name) == 2


async def test_a_records_life_begins_with_its_earliest_event(tenant: Tenant, sql: Any) -> None:
    async def began() -> list[tuple[str, str]]:
        rows = await sql.fetch(
            "SELECT entity_id, first_event_at FROM sync.record WHERE tenant_id = $1 ORDER BY 1", tenant.name
        )
        return [(row["entity_id"], row["first_event_at"].date().isoformat()) for row in rows]

    # the pushes of one import make one row of a record
    await tenant.import_(
        push("ann", "2019-05-02T09:00:00Z", change("create", server_id="r", data={"title": "A"})),
        push("ben", "2019-05-01T09:00:00Z", change("create", server_id="s", data={"title": "A"})),
        push("ben", "2019-05-04T09:00:00Z", change(server_id="r", client_version=1, data={"title": "B"}),
             change(server_id="s", client_version=1, data={"title": "B"})),
    )  # fmt: skip
    assert await began() == [("r", "2019-05-02"), ("s", "2019-05-01")]
    # what is older may come later
    await tenant.import_(
        push("ann", "2019-04-30T09:00:00Z", change(server_id="r", client_version=2, data={"title": "C"})),
        push("ann", "2019-05-03T09:00:00Z", change(server_id="s", client_version=2, data={"title": "C"})),
    )
    assert await began() == [("r", "2019-04-30"), ("s", "2019-05-01")]
    # rows from before it was so are mended by the log
    await sql.execute("UPDATE sync.record SET first_event_at = updated_at WHERE tenant_id = $1", tenant.name)
    await sql.execute(REPAIR)
    assert await began() == [("r", "2019-04-30"), ("s", "2019-05-01")]


async def test_a_record_is_as_its_last_writer_left_it_whoever_came_after(tenant: Tenant, sql: Any) -> None:
    await tenant.policy("manual")
    told = await tenant.import_(
        push("ann", "2019-05-01T09:00:00Z", change("create", server_id="r", data={"title": "A"})),
        push("ben", "2019-05-02T09:00:00Z", change(server_id="r", client_version=1, data={"title": "B"}),
             change(server_id="r", client_version=2, data={"title": "B"})),
        push("cy", "2019-05-03T09:00:00Z", change(server_id="r", client_version=1, data={"title": "C"})),
    )  # fmt: skip
    assert [[len(one["answer"][verdicts]) for verdicts in ("applied", "conflicts")] for one in told] == [
        [1, 0], [2, 0], [0, 1],
    ]  # fmt: skip
    row = await sql.fetchrow(
        """SELECT r.version, r.updated_by, r.updated_device, r.updated_at::date::text, r.event_count, r.conflict_count,
             r.first_event_at::date::text, l.new_version
           FROM sync.record AS r JOIN sync.sync_log AS l USING (tenant_id, seq) WHERE tenant_id = $1""",
        tenant.name,
    )
    assert tuple(row) == (2, "ben", "ben-main", "2019-05-02", 3, 1, "2019-05-01", 2)


async def test_the_same_history_again_changes_nothing(tenant: Tenant, sql: Any) -> None:
    items = history()
    first = await tenant.import_(*items)

    async def everything() -> list[Any]:
        tables = ("record", "sync_log", "sync_request", "conflict_resolution", "edit_session_event", "user_activity",
                  "tenant_clock", "applied_change")  # fmt: skip
        return [await sql.fetch(f"SELECT * FROM sync.{t} WHERE tenant_id = $1 ORDER BY 1, 2, 3", tenant.name)
                if t != "tenant_clock" else await sql.fetch("SELECT * FROM sync.tenant_clock WHERE tenant_id = $1",
                                                            tenant.name) for t in tables]  # fmt: skip

    before = await everything()
    again, at_once = await asyncio.gather(tenant.import_(*items), tenant.import_(*items))
    assert await everything() == before
    for second in (again, at_once):
        for old, new in zip(first, second, strict=True):
            if old["kind"] == "presence":
                assert new["status"] == "replayed"
            else:
                expected = {**old["answer"]["applied"][0], "status": "already_applied", "replayed": True}
                assert new["answer"]["applied"] == [expected]


async def test_an_import_that_cannot_be_taken_whole_is_not_taken_at_all(tenant: Tenant, sql: Any) -> None:
    stolen = push("ben", "2019-04-03T00:00:00Z", change("create", data={"n": 1}), device="ann-main")
    first = history()[0]
    await tenant.import_(first)
    answer = await tenant.http.post(
        "/api/v1/import/batch", headers=tenant.headers(), json={"items": [history()[2], stolen]}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "device_of_another_user")
    assert await sql.fetchval("SELECT count(*) FROM sync.sync_log WHERE tenant_id = $1", tenant.name) == 1


async def test_the_first_anchor_stays(tenant: Tenant) -> None:
    async def put(anchor_at: str, **mapping: Any) -> dict[str, Any]:
        answer = await tenant.http.put(
            "/api/v1/import/anchors/sha256:abc",
            headers=tenant.headers(),
            json={"anchor_at": anchor_at, "mapping": mapping},
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    first = await put("2026-01-01T00:00:00Z", days=90, keep_times=False)
    assert await put("2026-02-02T00:00:00Z", days=30) == first


async def test_what_is_wrong_with_an_import_is_said(tenant: Tenant) -> None:
    for items in (
        [{"kind": "push"}],
        [{"kind": "dance"}],
        [{}] * 501,
        [presence("ann", "yesterday")],
        [presence("a\x00", "2019-04-01T08:00:00Z")],
        [presence("a", "2019-04-01T08:00:00Z", fields=["\x1f"])],
    ):
        answer = await tenant.http.post("/api/v1/import/batch", headers=tenant.headers(), json={"items": items})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error"), answer.text


async def test_presence_of_a_hundred_edits_keeps_its_order(tenant: Tenant, sql: Any) -> None:
    items = [
        presence(f"u{n}", f"2020-01-01T00:00:{n % 60:02d}Z", expires_at="2020-01-02T00:00:00Z") for n in range(100)
    ]
    await tenant.import_(*items)
    rows = await sql.fetch("SELECT id FROM sync.edit_session_event WHERE tenant_id = $1 ORDER BY seq", tenant.name)
    assert [str(row["id"]) for row in rows] == [item["id"] for item in items]
    assert json.dumps(items)  # nothing of the request was changed on the way


async def test_moments_at_the_ends_of_the_calendar_are_taken_a_little_inside_them(tenant: Tenant) -> None:
    for moment in ("0001-01-01T00:00:00+23:40", "0260-07-25T02:47:57-23:40", "9999-12-31T23:59:59-23:40"):
        history = [push("u", moment, change("create", data={"title": "old"})), presence("u", moment)]
        pushed, seen = await tenant.import_(*history)
        assert (pushed["answer"]["summary"]["applied"], seen["status"]) == (1, "recorded")
    anchor = await tenant.http.put(
        "/api/v1/import/anchors/a", headers=tenant.headers(), json={"anchor_at": "0001-01-01T00:00:00Z", "mapping": {}}
    )
    assert anchor.json()["anchor_at"].endswith("Z")


async def test_a_mapping_that_cannot_be_kept_is_refused(tenant: Tenant) -> None:
    body = json.dumps({"anchor_at": "2020-01-01T00:00:00Z", "mapping": {"a": {"\u0000": 1}}})
    answer = await tenant.http.put("/api/v1/import/anchors/b", headers=tenant.headers(), content=body)
    assert answer.status_code == 422, answer.text
