"""Who is no member of a record's project learns nothing of it from a prediction: as of a record that is not there."""

import asyncpg
import pytest

from tests.serving.models import cached
from tests.serving.running import Server, serve
from tests.serving.test_explain import explained
from tests.serving.test_predictions import open_edit

# what an answer says of itself, and not of the record
ITS_OWN = {"prediction_id", "as_of_seq", "asked_at"}


@pytest.fixture
async def server(settings, tmp_path):
    cached(tmp_path / "cache")
    async with serve(settings()) as running:
        yield running


@pytest.fixture(scope="module")
async def projects(database_url):
    """In the tenant `built`: a record of the project north, with a history and an open edit by bob. ann is a member,
    cid was one; in another tenant, dot is."""
    db = await asyncpg.connect(database_url)
    await open_edit(db, tenant="built", user="bob", entity_id="valve")
    await db.execute(
        """INSERT INTO sync.record (tenant_id, entity_type, entity_id, project_id, version, data, seq, updated_at,
             updated_by, event_count, conflict_count, first_event_at)
           VALUES ('built', 'task', 'valve', 'north', 9, '{}', 1, now(), 'bob', 30, 10, now() - interval '2 days')"""
    )
    await db.execute(
        """INSERT INTO sync.sync_log (tenant_id, received_at, seq, sync_id, sync_session_id, user_id, device_id,
             entity_type, entity_id, offline_id, operation, server_version, new_version, outcome, fields, edited_at)
           SELECT 'built', now() - n * interval '1 minute', 100 - n, gen_random_uuid(), 's', u, 'd', 'task', 'valve',
             u || n, 'update', 0, 9 - n, 'applied', ARRAY['status'], now()
           FROM generate_series(1, 3) AS n, unnest(ARRAY['bob', 'cid']) AS u"""
    )
    await db.executemany(
        "INSERT INTO sync.project_member (tenant_id, project_id, user_id, seq, granted_at, revoked_at)"
        " VALUES ($1, 'north', $2, 0, now(), CASE WHEN $3 THEN now() END)",
        [("built", "ann", False), ("built", "bob", False), ("built", "cid", True), ("elsewhere", "dot", False)],
    )
    await db.close()


async def told(server: Server, user: str, entity_id: str) -> dict:
    answer = await explained(server, "built", user, entity_id=entity_id, client_version=3, fields=["status"])
    return {name: value for name, value in answer.items() if name not in ITS_OWN}


@pytest.mark.usefixtures("projects")
@pytest.mark.parametrize("user", ["cid", "dot", "eve"])
async def test_for_who_is_no_member_it_is_a_record_that_is_not_there(server, user):
    assert await told(server, user, "valve") == await told(server, user, "no such record")


@pytest.mark.usefixtures("projects")
async def test_a_member_is_told(server):
    answer = await told(server, "ann", "valve")
    assert (answer["concurrent_editors_detected"], answer["risk_level"]) == (2, "high")


@pytest.mark.usefixtures("projects")
async def test_the_log_says_of_whom_the_record_was_hidden(settings, db):
    async with serve(settings()) as running:
        for user, record in [("ann", "valve"), ("eve", "valve"), ("eve", "no such record")]:
            await running.ask(tenant="built", user=user, entity_id=record, device_id="logged")
    logged = await db.fetch(
        "SELECT user_id, entity_id FROM sync.prediction_log"
        " WHERE device_id = 'logged' AND (features_json ->> 'is_hidden')::boolean"
    )
    assert [tuple(row) for row in logged] == [("eve", "valve")]


@pytest.mark.usefixtures("projects")
async def test_it_counts_whose_edit_it_is_and_not_who_asks(server):
    items = [{"entity_type": "task", "entity_id": "valve", "user_id": user} for user in ("ann", "eve", "bob", "cid")]
    async with server.client("built", "boss", ("predict", "operate")) as client:
        answer = await client.post("/api/v1/predict-conflict/batch", json={"user_id": "boss", "items": items})
    assert [one["concurrent_editors_detected"] for one in answer.json()["predictions"]] == [2, 0, 1, 0]


async def test_a_record_without_a_project_is_the_whole_tenants(server, db):
    await open_edit(db, tenant="built", user="bob", entity_id="open to all", seq=77)
    assert (await told(server, "eve", "open to all"))["concurrent_editors_detected"] == 1
