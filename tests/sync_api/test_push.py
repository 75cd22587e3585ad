"""A push over HTTP, on the way where nobody disputes: verdicts, chains, replays, the rows that it leaves."""

import json
import uuid

import asyncpg

from tests.sync_api.running import Tenant, change, now, verdict


async def test_every_change_gets_one_verdict_and_a_bad_one_blocks_nobody(tenant: Tenant) -> None:
    answer = await tenant.device("ann").push(
        change("create", data={"title": "A"}, server_id="r1"),
        change("create", entity="no_such_type", data={"a": 1}),
        change("create", data={"title": 5}),
        change("create", data={"title": "B"}, server_id="r2"),
    )
    assert [item["server_id"] for item in answer["applied"]] == ["r1", "r2"]
    assert [item["new_version"] for item in answer["applied"]] == [1, 1]
    assert [item["reason"] for item in answer["rejected"]] == ["unknown_entity", "validation_error"]
    assert answer["summary"] == {"applied": 2, "conflicts": 0, "rejected": 2, "replayed": 0}


async def test_versions_rise_by_one_and_the_log_tells_old_and_new(
    tenant: Tenant, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", server_id="r", data={"title": "A", "status": "open"})
    updated = await ann.one(server_id="r", client_version=1, data={"title": "B"}, edited_at=now(minutes=-5))
    assert (updated["status"], updated["new_version"], updated["record"]) == ("applied", 2, None)
    row = await sql.fetchrow("SELECT * FROM sync.sync_log WHERE tenant_id = $1 AND new_version = 2", tenant.name)
    assert row is not None
    assert json.loads(row["field_changes"]) == {"title": {"old": "A", "new": "B"}}
    assert (row["operation"], row["base_version"], row["outcome"], row["fields"]) == ("update", 1, "applied", ["title"])
    record = await sql.fetchrow("SELECT * FROM sync.record WHERE tenant_id = $1", tenant.name)
    assert record is not None
    assert json.loads(record["data"]) == {"title": "B", "status": "open"}
    assert record["seq"] == row["seq"] == 2
    stamps = json.loads(record["field_versions"])
    assert (stamps["title"]["version"], stamps["status"]["version"]) == (2, 1)
    assert stamps["title"]["event_id"] == str(row["id"]) == updated["sync_event_id"]


async def test_equal_values_make_no_new_version(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", server_id="r", data={"n": 1, "flag": True})
    same = await ann.one(server_id="r", client_version=1, data={"n": 1.0})
    assert (same["status"], same["new_version"]) == ("unchanged", 1)
    other = await ann.one(server_id="r", client_version=1, data={"flag": 1})
    assert (other["status"], other["new_version"]) == ("applied", 2)  # true is not 1


async def test_a_chain_in_one_batch_never_conflicts_with_itself(tenant: Tenant) -> None:
    await tenant.policy("manual")
    ann = tenant.device("ann")
    answer = await ann.push(
        change("create", offline_id="temp", data={"title": "A"}),
        change(server_id="temp", data={"title": "B"}),
        change(server_id="temp", client_version=0, data={"title": "C"}),
    )
    assert [(item["status"], item["new_version"]) for item in answer["applied"]] == [
        ("applied", 1), ("applied", 2), ("applied", 3),
    ]  # fmt: skip
    server_id = answer["applied"][0]["server_id"]
    assert {item["server_id"] for item in answer["applied"]} == {server_id}
    again = await ann.push(
        change(server_id=server_id, client_version=3, data={"title": "D"}),
        change(server_id=server_id, client_version=3, data={"title": "E"}),
        change("delete", server_id=server_id, client_version=3),
    )
    assert [(item["status"], item["new_version"]) for item in again["applied"]] == [
        ("applied", 4), ("applied", 5), ("applied", 6),
    ]  # fmt: skip


async def test_the_same_push_again_gets_the_stored_answer(
    tenant: Tenant, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    ann = tenant.device("ann")
    queue = [
        change("create", offline_id="temp", data={"title": "A"}),
        change(server_id="temp", data={"title": "B"}),
        change("create", entity="no_such_type", data={"a": 1}),
    ]
    first = await ann.push(*queue)
    second = await ann.push(*queue)
    assert second["summary"] == {"applied": 2, "conflicts": 0, "rejected": 1, "replayed": 3}
    for before, after in zip(first["applied"], second["applied"], strict=True):
        assert after == {**before, "status": "already_applied", "replayed": True}
    assert second["rejected"] == [{**first["rejected"][0], "replayed": True}]
    assert await sql.fetchval("SELECT count(*) FROM sync.sync_log WHERE tenant_id = $1", tenant.name) == 2
    assert await sql.fetchval("SELECT event_count FROM sync.record WHERE tenant_id = $1", tenant.name) == 2


async def test_a_replayed_change_and_a_new_one_share_a_batch(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    first = change("create", server_id="r", data={"title": "A"})
    await ann.push(first)
    answer = await ann.push(first, change(server_id="r", client_version=1, data={"title": "B"}))
    assert [item["status"] for item in answer["applied"]] == ["already_applied", "applied"]
    assert answer["applied"][1]["new_version"] == 2


async def test_an_offline_id_twice_in_one_batch_is_one_change(tenant: Tenant) -> None:
    twice = change("create", server_id="r", data={"title": "A"})
    answer = await tenant.device("ann").push(twice, twice)
    assert [item["status"] for item in answer["applied"]] == ["applied", "already_applied"]


async def test_the_same_id_with_other_content_is_refused(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", server_id="r", offline_id="x", data={"title": "A"})
    other = await ann.one(op="create", server_id="r", offline_id="x", data={"title": "B"})
    assert (other["list"], other["reason"], other["retryable"]) == ("rejected", "idempotency_mismatch", False)
    same = await ann.one(op="create", server_id="r", offline_id="x", data={"title": "A"})
    assert same["status"] == "already_applied"


async def test_offline_ids_of_different_devices_do_not_meet(tenant: Tenant) -> None:
    a = await tenant.device("ann", "phone").one(op="create", offline_id="x", data={"title": "A"})
    b = await tenant.device("ann", "laptop").one(op="create", offline_id="x", data={"title": "B"})
    assert (a["status"], b["status"]) == ("applied", "applied")
    assert a["server_id"] != b["server_id"]


async def test_a_version_that_the_server_never_had_asks_for_a_resync_and_may_come_again(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", server_id="r", data={"title": "A"})
    ahead = await ann.one(server_id="r", offline_id="x", client_version=7, data={"title": "B"})
    assert (ahead["list"], ahead["reason"], ahead["retryable"]) == ("rejected", "resync_required", True)
    after = await ann.one(server_id="r", offline_id="x", client_version=1, data={"title": "B"})
    assert (after["status"], after["new_version"]) == ("applied", 2)


async def test_what_a_push_leaves_behind(tenant: Tenant, sql: "asyncpg.Connection[asyncpg.Record]") -> None:
    ann = tenant.device("ann")
    edit, prediction = str(uuid.uuid4()), str(uuid.uuid4())
    answer = await ann.push(
        change("create", server_id="r", data={"title": "A"}, edit_id=edit, prediction_id=prediction),
        change("create", data={"title": 1}),
        network_type="poor",
        sync_session_id="s1",
        device_metadata={"os": "test"},
    )
    request = await sql.fetchrow("SELECT * FROM sync.sync_request WHERE tenant_id = $1", tenant.name)
    assert request is not None
    assert str(request["sync_id"]) == answer["sync_id"]
    assert (request["item_count"], request["applied_count"], request["rejected_count"]) == (2, 1, 1)
    assert (request["status"], request["network_type"], request["sync_session_id"]) == ("partial", "poor", "s1")
    log = await sql.fetchrow("SELECT * FROM sync.sync_log WHERE tenant_id = $1", tenant.name)
    assert log is not None
    assert (str(log["edit_id"]), str(log["prediction_id"])) == (edit, prediction)
    assert (json.loads(log["device_metadata"]), log["sync_session_id"]) == ({"os": "test"}, "s1")
    activity = await sql.fetchrow("SELECT * FROM sync.user_activity WHERE tenant_id = $1", tenant.name)
    assert activity is not None
    assert (activity["user_id"], activity["event_count"], activity["conflict_count"]) == ("ann", 1, 0)
    device = await sql.fetchrow("SELECT * FROM sync.device WHERE tenant_id = $1", tenant.name)
    assert device is not None
    assert (device["user_id"], json.loads(device["metadata"])) == ("ann", {"os": "test"})


async def test_an_id_is_its_types_own_whatever_it_is_made_of(
    tenant: Tenant, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    ann, name = tenant.device("ann"), 'r"\\\x1f,{}\n\u2028é'
    made = [change("create", "task", server_id=name), change("create", "asset", server_id="only an asset")]
    await ann.push(*made, change("create", "asset", server_id=name))
    told = await ann.push(
        change(entity="task", server_id=name, client_version=1, data={"title": "of a task"}),
        change("create", "task", server_id="only an asset", data={"title": "and now a task"}),
        change(entity="asset", server_id=name, client_version=1, data={"name": "of an asset"}),
    )
    assert [one["new_version"] for one in told["applied"]] == [2, 1, 2]
    rows = await sql.fetch(
        "SELECT entity_type, entity_id, version, data::text FROM sync.record WHERE tenant_id = $1 ORDER BY 1, 3",
        tenant.name,
    )
    assert [tuple(row) for row in rows] == [
        ("asset", "only an asset", 1, "{}"),
        ("asset", name, 2, '{"name": "of an asset"}'),
        ("task", "only an asset", 1, '{"title": "and now a task"}'),
        ("task", name, 2, '{"title": "of a task"}'),
    ]


async def test_both_names_both_slashes_and_the_headers(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    for path in ("/api/v1/sync/push", "/api/v1/sync/push/", "/ptw/sync-offline-data", "/ptw/sync-offline-data/"):
        answer = await tenant.http.post(
            path,
            headers=tenant.headers("ann", ("sync",)),
            json=ann.envelope(change("create", data={"title": path}), network_type="poor"),
        )
        assert answer.status_code == 200, path
        assert verdict(answer.json())["status"] == "applied"
        assert answer.headers["X-Recommended-Batch-Size"] == "20"
        assert answer.headers["X-Server-Time"].endswith("Z")


async def test_a_change_may_be_as_empty_as_a_file(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    created = await ann.one(op="create", server_id="r", data={})
    assert (created["status"], created["new_version"]) == ("applied", 1)
    assert (await ann.one(server_id="r", client_version=1, data={}))["status"] == "unchanged"
    assert (await ann.one(server_id="r", client_version=1, data={"title": "A"}))["new_version"] == 2
    assert (await ann.one(op="delete", server_id="never", client_version=0))["status"] == "unchanged"
