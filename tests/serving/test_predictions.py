"""The prediction API over HTTP: what it answers, to whom."""

import uuid

import pytest

from serving.schemas import BatchAnswer, Prediction
from tests.serving.models import cached, cached_boosting
from tests.serving.running import serve


@pytest.fixture
async def server(settings, tmp_path):
    cached(tmp_path / "cache")
    async with serve(settings()) as running:
        yield running


async def open_edit(db, tenant="acme", user="bob", entity_id="t1", event="opened", expires="5 minutes", **more):
    await db.execute(
        """INSERT INTO sync.edit_session_event (tenant_id, id, seq, edit_id, event, user_id, device_id, entity_type,
             entity_id, received_at, expires_at)
           VALUES ($1, gen_random_uuid(), $2, $3, $4, $5, 'd', 'task', $6, now(), now() + $7::text::interval)""",
        tenant, more.get("seq", 1), more.get("edit_id", uuid.uuid4()), event, user, entity_id, expires,
    )  # fmt: skip


async def test_nobody_else_is_a_low_risk(server):
    answer = await server.ask()
    Prediction.model_validate(answer)
    assert (answer["risk_level"], answer["conflict_probability"], answer["status"]) == ("low", 0.1, "ok")
    assert answer["warning_message"] is None
    assert (answer["model_version"], answer["threshold"]) == ("1", 0.7)


async def test_somebody_else_is_a_warning_that_says_why(server, db):
    await open_edit(db, entity_id="busy")
    answer = await server.ask(entity_type="Task", entity_id="busy", moment="edit_open")
    Prediction.model_validate(answer)
    assert (answer["risk_level"], answer["conflict_probability"]) == ("high", 0.9)
    assert answer["concurrent_editors_detected"] == 1
    assert answer["top_factors"] == [{"feature": "concurrent_editors", "value": 1.0, "effect": pytest.approx(0.8)}]
    assert "1 other person is working on it right now" in answer["warning_message"]


async def test_a_boosting_answers_and_says_why(settings, tmp_path, db):
    cached_boosting(tmp_path / "cache")
    await open_edit(db, entity_id="busy")
    async with serve(settings()) as server:
        quiet, busy = await server.ask(), await server.ask(entity_id="busy")
        told = (await server.get("/model")).json()
    assert (quiet["risk_level"], quiet["conflict_probability"]) == ("low", pytest.approx(0.1192, abs=1e-4))
    assert (busy["risk_level"], busy["conflict_probability"]) == ("high", pytest.approx(0.8808, abs=1e-4))
    (factor,) = busy["top_factors"]
    assert (factor["feature"], factor["effect"]) == ("concurrent_editors", pytest.approx(0.7616, abs=1e-4))
    assert told["manifest"]["model_type"] == "gradient_boosting"


async def test_a_warning_counts_the_versions_that_the_client_is_behind(server, db):
    await open_edit(db, entity_id="moved")
    await db.execute(
        """INSERT INTO sync.record (tenant_id, entity_type, entity_id, version, data, seq, updated_at, updated_by,
             first_event_at) VALUES ('acme', 'task', 'moved', 7, '{}', 1, now(), 'bob', now())"""
    )
    answer = await server.ask(entity_id="moved", client_version=5)
    assert "your copy of the task is 2 versions behind" in answer["warning_message"]


@pytest.mark.parametrize("path", ["/api/ml/predict-conflict", "/api/ml/predict-conflict/", "/api/v1/predict-conflict"])
async def test_every_address_answers(server, path):
    async with server.client() as client:
        answer = await client.post(path, json={"user_id": "ann", "entity_type": "Task", "entity_id": "t1"})
    assert answer.json()["risk_level"] == "low"


async def test_a_queue_is_answered_in_order_as_its_edits_would_be_alone(server, db):
    await open_edit(db, entity_id="q2")
    items = [{"entity_type": kind, "entity_id": f"q{i}"} for i, kind in enumerate(["task", "ticket", "Task", "asset"])]
    async with server.client() as client:
        answer = await client.post("/api/v1/predict-conflict/batch/", json={"user_id": "ann", "items": items})
    predictions = BatchAnswer.model_validate(answer.json()).predictions
    assert [p.risk_level for p in predictions] == ["low", "low", "high", "low"]
    assert len({p.prediction_id for p in predictions}) == 4


async def test_a_queue_longer_than_one_statement_takes_is_answered_in_order_too(server, db):
    busy = {0, 49, 50, 99, 100, 119}
    for number in busy:
        await open_edit(db, entity_id=f"long{number}", seq=1000 + number)
    items = [{"entity_type": "task", "entity_id": f"long{number}"} for number in range(120)]
    async with server.client() as client:
        answer = await client.post("/api/v1/predict-conflict/batch/", json={"user_id": "ann", "items": items})
    risks = [one["risk_level"] for one in answer.json()["predictions"]]
    assert risks == ["high" if number in busy else "low" for number in range(120)]


async def test_a_number_is_a_user_too(server):
    assert (await server.ask(user="123", user_id=123))["risk_level"] == "low"


async def test_another_users_edits_need_the_scope_operate(server):
    question = {"user_id": "bob", "entity_type": "task", "entity_id": "t1"}
    async with server.client(user="ann") as client:
        refused = await client.post("/api/v1/predict-conflict", json=question)
        refused_batch = await client.post(
            "/api/v1/predict-conflict/batch", json={"user_id": "bob", "items": [question]}
        )
    async with server.client(user="ann", scopes=("predict", "operate")) as client:
        allowed = await client.post("/api/v1/predict-conflict", json=question)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_user")
    assert refused_batch.status_code == 403
    assert allowed.status_code == 200


async def test_a_queue_may_be_of_several_users_for_who_may_operate(settings, tmp_path, db):
    cached(tmp_path / "cache")
    await open_edit(db, user="bob", entity_id="several")
    items = [
        {"entity_type": "task", "entity_id": "several", "user_id": user, "device_id": str(user)} for user in ("bob", 7)
    ]
    body = {
        "user_id": "ops",
        "device_id": "console",
        "items": [*items, {"entity_type": "task", "entity_id": "several"}],
    }
    async with serve(settings()) as server:
        async with server.client(user="ops") as client:
            refused = await client.post("/api/v1/predict-conflict/batch", json=body)
        async with server.client(user="ops", scopes=("predict", "operate")) as client:
            answer = await client.post("/api/v1/predict-conflict/batch", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_user")
    predictions = BatchAnswer.model_validate(answer.json()).predictions
    assert [p.risk_level for p in predictions] == ["low", "high", "high"]  # one's own edit is nobody else's
    rows = await db.fetch(
        """SELECT user_id, device_id, features_json::jsonb -> 'request' ->> 'asked_by' AS by FROM sync.prediction_log
           WHERE prediction_id = ANY ($1)""",
        [p.prediction_id for p in predictions],
    )
    assert {tuple(row) for row in rows} == {("bob", "bob", "ops"), ("7", "7", "ops"), ("ops", "console", None)}


async def test_a_token_without_the_scope_and_no_token_are_refused(server):
    question = {"user_id": "ann", "entity_type": "task", "entity_id": "t1"}
    async with server.client(scopes=("sync",)) as client:
        assert (await client.post("/api/v1/predict-conflict", json=question)).status_code == 403
        client.headers.pop("Authorization")
        assert (await client.post("/api/v1/predict-conflict", json=question)).status_code == 401


async def test_tenants_never_see_each_other(server, db):
    await open_edit(db, tenant="other", entity_id="shared")
    assert (await server.ask(tenant="acme", entity_id="shared"))["concurrent_editors_detected"] == 0
    assert (await server.ask(tenant="other", entity_id="shared"))["concurrent_editors_detected"] == 1


@pytest.mark.parametrize(
    "bad",
    [{"entity_id": ""}, {"entity_id": "a\x00b"}, {"fields": ["x" * 300]}, {"moment": "later"}, {"client_version": -1}],
)
async def test_a_senseless_question_is_a_problem(server, bad):
    async with server.client() as client:
        answer = await client.post(
            "/api/v1/predict-conflict", json={"user_id": "ann", "entity_type": "task", "entity_id": "t1"} | bad
        )
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_model_serves_only_the_tenants_that_it_may(settings, tmp_path):
    cached(tmp_path / "cache", tenants=["demo"])
    async with serve(settings()) as server:
        assert (await server.ask(tenant="demo"))["status"] == "ok"
        answer = await server.ask(tenant="acme")
    Prediction.model_validate(answer)
    assert (answer["risk_level"], answer["status"]) == ("unknown", "insufficient_training_data")
    assert (answer["conflict_probability"], answer["basis"]) == (None, None)


@pytest.mark.parametrize(
    ("manifest", "tenant", "basis"),
    [
        ({"trained_tenants": ["acme"]}, "acme", "own_history"),
        ({"trained_tenants": ["acme"]}, "newcomer", "pooled"),
        ({"trained_tenants": []}, "acme", "pooled"),
        ({"trained_tenants": ["acme"], "tenants": ["acme", "small"]}, "small", "pooled"),
        ({}, "acme", "pooled"),
        ({"tenants": ["acme"]}, "acme", "own_history"),
    ],
)
async def test_an_answer_says_on_what_it_rests(settings, tmp_path, manifest, tenant, basis):
    """No tenant here has a single row: each gets a probability, and is told whose history it comes from."""
    cached(tmp_path / "cache", **manifest)
    async with serve(settings()) as server:
        answer = await server.ask(tenant=tenant)
        told = (await server.get("/model")).json()
    Prediction.model_validate(answer)
    assert (answer["status"], answer["conflict_probability"], answer["basis"]) == ("ok", 0.1, basis)
    assert "trained_tenants" not in told["manifest"]  # the page is open to all


async def test_without_a_champion_the_server_is_able_and_says_so(settings):
    async with serve(settings()) as server:
        ready = await server.get("/readyz")
        answer = await server.ask()
    assert ready.status_code == 200
    assert "there is no champion" in ready.json()["notes"][0]
    assert (answer["risk_level"], answer["model_version"]) == ("unknown", None)


async def test_a_moment_that_the_model_was_not_trained_for_is_unknown(settings, tmp_path):
    cached(tmp_path / "cache", moments=["edit_start"])
    async with serve(settings()) as server:
        assert (await server.ask(moment="edit_start"))["status"] == "ok"
        assert (await server.ask(moment="edit_open"))["risk_level"] == "unknown"


async def test_a_withheld_warning_looks_like_a_quiet_edit_and_stays_withheld(settings, tmp_path, db):
    cached(tmp_path / "cache")
    await open_edit(db, entity_id="withheld")
    async with serve(settings(withhold_share=1.0)) as server:
        asked = [await server.ask(entity_id="withheld") for _ in range(3)]
        quiet = await server.ask(entity_id="nobody")
    for answer in asked:
        assert (answer["risk_level"], answer["warning_message"]) == ("low", None)
        assert answer["conflict_probability"] == quiet["conflict_probability"]
        assert answer["top_factors"] == []
        assert answer.keys() == quiet.keys()
    logged = await db.fetch("SELECT arm, conflict_probability FROM sync.prediction_log WHERE entity_id = 'withheld'")
    assert {tuple(row) for row in logged} == {("withheld", 0.9)}


async def test_the_model_page_tells_what_answers(server):
    told = (await server.get("/model")).json()
    assert (told["version"], told["origin"], told["refused"]) == ("1", "cache", None)
    assert told["manifest"]["threshold"] == 0.7
    assert (await server.get("/healthz")).json() == {"status": "ok"}


def test_it_does_not_start_without_its_secrets(monkeypatch):
    from pydantic import ValidationError

    from serving.app import create_app

    monkeypatch.setenv("FORESYNC_JWT_SECRET", "short")
    monkeypatch.delenv("FORESYNC_SERVING_DATABASE_URL", raising=False)
    with pytest.raises(ValidationError) as refused:
        create_app()
    assert "FORESYNC_SERVING_DATABASE_URL" in str(refused.value)
    assert "at least 32 bytes" in str(refused.value)


@pytest.mark.parametrize("token", ["whole", "without its scope", None])
@pytest.mark.parametrize("body", [b"{}", b"nonsense", b'{"user_id": "bob", "entity_type": "task", "entity_id": "t"}'])
async def test_the_short_way_refuses_as_the_frameworks_does(server, token, body):
    """A single prediction goes past the framework's routing, its explanation does not."""
    async with server.client(scopes=("sync",) if token == "without its scope" else ("predict",)) as client:
        if token is None:
            client.headers.pop("Authorization")
        for path in ("", "/"):
            short = await client.post(f"/api/v1/predict-conflict{path}", content=body)
            usual = await client.post(f"/api/v1/predict-conflict/explain{path}", content=body)
            assert short.status_code == usual.status_code >= 400
            assert short.headers.keys() == usual.headers.keys()
            assert short.json() | {"request_id": None} == usual.json() | {"request_id": None}
        assert (await client.get("/api/v1/predict-conflict")).status_code == 405
