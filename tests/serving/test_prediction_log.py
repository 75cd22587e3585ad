"""Predictions are logged beside the answers, never in their way; PostgreSQL may go and come back."""

import json
import uuid

import asyncpg

from serving import prediction_log
from tests.serving.cable import laid
from tests.serving.models import cached
from tests.serving.running import eventually, serve

WRITTEN = 'foresync_prediction_log_rows_total{result="written"}'
DROPPED = 'foresync_prediction_log_rows_total{result="dropped"}'


async def test_a_prediction_is_logged_with_what_it_saw(settings, tmp_path, db):
    cached(tmp_path / "cache", number="7")
    await db.execute("INSERT INTO sync.tenant_clock (tenant_id, seq) VALUES ('acme', 42)")
    edit_id = str(uuid.uuid4())
    question = {"entity_id": "seen", "fields": ["status"], "client_version": 5, "device_id": "d1", "edit_id": edit_id}
    async with serve(settings()) as server:
        answer = await server.ask(moment="edit_open", **question)
        await eventually(lambda: db.fetchval("SELECT count(*) FROM sync.prediction_log WHERE entity_id = 'seen'"))
        row = await db.fetchrow("SELECT * FROM sync.prediction_log WHERE entity_id = 'seen'")
        assert await server.counted(WRITTEN) == 1
    assert str(row["prediction_id"]) == answer["prediction_id"]
    assert (row["tenant_id"], row["user_id"], row["device_id"], row["moment"]) == ("acme", "ann", "d1", "edit_open")
    assert (row["as_of_seq"], row["model_version"], row["model_type"]) == (42, "7", "random_forest")
    assert (row["conflict_probability"], row["threshold"], row["predicted_conflict"]) == (0.1, 0.7, False)
    assert (str(row["edit_id"]), row["arm"]) == (edit_id, "shown")
    assert row["asked_at"] < row["created_at"] and row["latency_ms"] > 0
    seen = json.loads(row["features_json"])
    assert seen["features"]["hours_since_last_sync"] == 168
    assert seen["request"] == {"client_version": 5, "fields": ["status"]}


async def test_a_question_that_no_model_may_answer_is_logged_too(settings, db):
    async with serve(settings()) as server:
        await server.ask(tenant="nomodel")
    row = await db.fetchrow("SELECT * FROM sync.prediction_log WHERE tenant_id = 'nomodel'")
    assert (row["model_version"], row["conflict_probability"], row["predicted_conflict"]) == (None, None, None)


async def test_a_shutdown_writes_what_waits_for_every_tenant(settings, tmp_path, db):
    cached(tmp_path / "cache")
    async with serve(settings()) as server:
        for tenant in ("one", "two", "one", "two", "three"):
            await server.ask(tenant=tenant, entity_id="drained")
    logged = await db.fetch(
        "SELECT tenant_id, count(*) FROM sync.prediction_log WHERE entity_id = 'drained' GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in logged] == [("one", 2), ("three", 1), ("two", 2)]


async def test_what_does_not_fit_the_buffer_is_dropped_and_counted(settings, db):
    items = [{"entity_type": "task", "entity_id": f"many{i}"} for i in range(10)]
    async with serve(settings(log_buffer=4)) as server:
        async with server.client() as client:
            answer = await client.post("/api/v1/predict-conflict/batch", json={"user_id": "ann", "items": items})
        assert len(answer.json()["predictions"]) == 10
        assert await server.counted(DROPPED) == 6
    assert await db.fetchval("SELECT count(*) FROM sync.prediction_log WHERE entity_id LIKE 'many%'") == 4


async def test_without_postgresql_it_says_so_and_recovers_by_itself(settings, tmp_path, serving_url, db, monkeypatch):
    monkeypatch.setattr(prediction_log, "RETRY", 0.05)
    cached(tmp_path / "cache")
    async with laid(serving_url) as (cable, url), serve(settings(database_url=url)) as server:
        await server.ask(entity_id="cut")
        await cable.pull()
        async with server.client() as client:
            refused = await client.post(
                "/api/v1/predict-conflict", json={"user_id": "ann", "entity_type": "task", "entity_id": "cut"}
            )
        ready = await server.get("/readyz")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert refused.json()["retryable"] is True
        assert int(refused.headers["Retry-After"]) > 0
        assert ready.status_code == 503
        assert "database_unavailable" in ready.json()["reasons"][0]
        assert (await server.get("/healthz")).status_code == 200
        await cable.plug()
        assert (await server.ask(entity_id="cut"))["risk_level"] == "low"
        assert (await server.get("/readyz")).status_code == 200
        # the row that waited while the cable was out, and the one after
        await eventually(lambda: _logged(db, "cut", 2))


async def test_it_starts_while_postgresql_is_away(settings, tmp_path, serving_url):
    cached(tmp_path / "cache")
    async with laid(serving_url) as (cable, url):
        await cable.pull()
        async with serve(settings(database_url=url)) as server:
            assert (await server.get("/readyz")).status_code == 503
            await cable.plug()
            assert (await server.ask())["risk_level"] == "low"


async def _logged(db: asyncpg.Connection, entity_id: str, number: int) -> bool:
    found = await db.fetchval("SELECT count(*) FROM sync.prediction_log WHERE entity_id = $1", entity_id)
    return found == number
