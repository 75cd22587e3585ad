"""An explanation is the answer's own: what the model saw, what each feature did, and nothing that is withheld."""

import numpy as np
import pytest

from runtime import load
from serving.features import DEFAULTS, NAMES
from serving.model_cache import ModelCache
from serving.schemas import Explained
from tests.serving.models import cached, cached_boosting
from tests.serving.running import serve
from tests.serving.test_predictions import open_edit

EXPLAIN = "/api/v1/predict-conflict/explain"


async def explained(server, tenant="acme", user="ann", **question) -> dict:
    body = {"user_id": user, "entity_type": "task", "entity_id": "t1"} | question
    async with server.client(tenant, user) as client:
        answer = await client.post(EXPLAIN, json=body)
    assert answer.status_code == 200, answer.text
    Explained.model_validate(answer.json())
    return answer.json()


def part(told: dict, feature: str) -> dict:
    [found] = [one for one in told["features"] if one["feature"] == feature]
    return found


@pytest.mark.parametrize("cache_a_model", [cached, cached_boosting])
async def test_it_is_the_answer_and_adds_up_to_it(settings, tmp_path, db, cache_a_model):
    version = cache_a_model(tmp_path / "cache")
    await db.execute("INSERT INTO sync.tenant_clock (tenant_id, seq) VALUES ('acme', 42) ON CONFLICT DO NOTHING")
    await open_edit(db, entity_id="busy")
    async with serve(settings()) as server:
        told, answer = await explained(server, entity_id="busy"), await server.ask(entity_id="busy")
    mine = {"prediction_id", "as_of_seq", "asked_at", "scale", "reference", "score", "features"}
    assert {k: v for k, v in told.items() if k not in mine} == {k: v for k, v in answer.items() if k != "prediction_id"}
    assert (told["model_version"], told["as_of_seq"]) == (version.number, 42)
    assert [one["feature"] for one in told["features"]] == list(NAMES)
    editors = part(told, "concurrent_editors")
    assert (editors["value"], editors["default"], editors["meaning"]) == (1.0, 0.0, "What concurrent_editors tells.")
    assert editors["effect"] == answer["top_factors"][0]["effect"]
    assert told["reference"] + sum(one["contribution"] for one in told["features"]) == pytest.approx(told["score"])
    model = load(ModelCache(tmp_path / "cache").folder(version))
    [p] = model.predict([[one["value"] for one in told["features"]]])
    assert p == told["conflict_probability"]
    assert p == pytest.approx(told["score"] if told["scale"] == "probability" else 1 / (1 + np.exp(-told["score"])))


async def test_without_a_model_it_tells_what_was_seen(settings, db):
    await open_edit(db, tenant="nomodel")
    async with serve(settings()) as server:
        told = await explained(server, tenant="nomodel")
    assert (told["status"], told["scale"], told["model_version"]) == ("insufficient_training_data", None, None)
    assert part(told, "concurrent_editors")["value"] == 1
    assert {one["contribution"] for one in told["features"]} == {None}


async def test_a_withheld_warning_is_not_told_by_its_explanation(settings, tmp_path, db):
    cached(tmp_path / "cache")
    await open_edit(db, tenant="held", entity_id="withheld")
    async with serve(settings(withhold_share=1.0)) as server:
        told, quiet = await explained(server, "held", entity_id="withheld"), await explained(server, "held")
    assert (told["risk_level"], told["concurrent_editors_detected"]) == ("low", 1)
    for one in told["features"]:
        assert (one["contribution"], one["effect"]) == (0.0, 0.0)
        assert one["value"] == (1.0 if one["feature"] == "concurrent_editors" else DEFAULTS[one["feature"]])
    assert (told["score"], told["reference"]) == (quiet["score"], quiet["reference"])
    [row] = await db.fetch("SELECT arm, conflict_probability FROM sync.prediction_log WHERE entity_id = 'withheld'")
    assert tuple(row) == ("withheld", 0.9)


async def test_another_users_edit_needs_the_scope_operate(settings):
    question = {"user_id": "bob", "entity_type": "task", "entity_id": "t1"}
    async with serve(settings()) as server, server.client(user="ann") as client:
        refused = await client.post(EXPLAIN, json=question)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_user")


@pytest.mark.parametrize(
    ("said", "hours"), [({}, 0.0), ({"edit_age_seconds": 5400}, 1.5), ({"edit_age_seconds": 5e-324}, 0.0)]
)
async def test_how_long_the_edit_has_been_open_is_what_the_client_says(settings, said, hours):
    async with serve(settings()) as server:
        told = await explained(server, **said)
    assert part(told, "edit_age_hours")["value"] == hours
