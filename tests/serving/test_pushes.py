"""A queue as one push: its row of features is what the training made of records, and who gets an answer about it."""

import numpy as np
import pandas as pd
import pytest

from ml.features import FEATURE_NAMES
from ml.push_level import manifest_features, questions
from runtime import CompiledModel, load, save
from serving import features, pushes, wording
from serving.model_cache import ModelCache
from serving.risk import Factor
from serving.schemas import BatchAnswer
from tests.serving.models import OF_PUSHES, cached, cached_both, editors_stump, manifest, write_both
from tests.serving.running import serve
from tests.serving.test_model_store import started
from tests.serving.test_predictions import open_edit

BATCH = "/api/v1/predict-conflict/batch"


async def ask(server, *records, user="ann", **more) -> dict:
    items = [{"entity_type": "task", "entity_id": record} for record in records]
    async with server.client(user=user) as client:
        answer = await client.post(BATCH, json={"user_id": user, "items": items} | more)
    assert answer.status_code == 200, answer.text
    BatchAnswer.model_validate(answer.json())
    return answer.json()


def test_a_push_is_made_of_its_records_as_it_was_in_training():
    """The rule is the training's, carried by the manifest: both ways to the row must be the same."""
    rng = np.random.default_rng(7)
    records = pd.DataFrame(rng.uniform(0.0, 9.0, (6, len(FEATURE_NAMES))), columns=list(FEATURE_NAMES))
    t = pd.Timestamp("2026-01-01", tz="UTC")
    frame = records.assign(
        tenant_id="acme", event_id=[f"e{i}" for i in range(6)], sync_session_id="s", user_id="u", device_id="d",
        entity_type="task", entity_id=[f"r{i}" for i in range(6)], moment="edit_start", asked_at=t, received_at=t,
        as_of_seq=1, is_mapped_time=False, conflict_occurred=False, silent_overlap_score=0.0,
        announce_draw=0.0,
    )  # fmt: skip
    [trained] = questions(frame)[list(FEATURE_NAMES)].to_dict("records")
    model = CompiledModel(manifest(features=manifest_features()), editors_stump())
    assert pushes.one_row(model, records.to_dict("records")) == pytest.approx(trained)
    assert set(trained) == set(features.NAMES)


async def test_a_queue_is_answered_as_one_push_too(settings, tmp_path, db):
    cached_both(tmp_path / "cache")
    await open_edit(db, entity_id="busy")
    async with serve(settings()) as server:
        quiet, busy = await ask(server, "a", "b"), await ask(server, "a", "busy", "c")
        told = (await server.get("/model")).json()
    assert quiet["push"] == {
        "conflict_probability": 0.2, "risk_level": "low", "warning_message": None, "threshold": 0.6, "top_factors": [],
    }  # fmt: skip
    assert (busy["push"]["conflict_probability"], busy["push"]["risk_level"]) == (0.95, "high")
    assert busy["push"]["top_factors"] == [
        {"feature": "concurrent_editors", "value": 1.0, "effect": pytest.approx(0.75)}
    ]
    assert "1 other person is working on one of the records right now" in busy["push"]["warning_message"]
    assert [one["conflict_probability"] for one in busy["predictions"]] == [0.1, 0.9, 0.1]
    assert (told["manifest"]["threshold"], told["push"]["threshold"]) == (0.7, 0.6)


async def test_only_what_is_one_push_is_answered_as_one(settings, tmp_path):
    cached_both(tmp_path / "cache", moments=["edit_start"], tenants=["acme"])
    one, other = ({"entity_type": "task", "entity_id": "t", "user_id": user} for user in ("ann", "bob"))
    async with (
        serve(settings()) as server,
        server.client(scopes=("predict", "operate")) as client,
        server.client(tenant="other") as stranger,
    ):

        async def push(asker, *items) -> dict | None:
            return (await asker.post(BATCH, json={"user_id": "ann", "items": items})).json()["push"]

        assert await push(client, one, one) is not None
        assert await push(client, one, other) is None
        assert await push(client, one | {"moment": "edit_open"}) is None
        assert await push(stranger, one) is None


@pytest.mark.parametrize("older", ["no push model", "no rule in its manifest"])
async def test_a_version_without_a_push_model_answers_of_records_alone(settings, tmp_path, older):
    if older == "no push model":
        cached(tmp_path / "cache")
    else:
        cached_both(tmp_path / "cache", features=[{k: f[k] for k in f if k != "of_records"} for f in OF_PUSHES])
    async with serve(settings()) as server:
        answer = await ask(server, "a")
    assert answer["push"] is None and answer["predictions"][0]["status"] == "ok"


async def test_a_push_does_not_give_a_withheld_warning_away(settings, tmp_path, db):
    cached_both(tmp_path / "cache")
    await open_edit(db, entity_id="secret")
    async with serve(settings(withhold_share=1.0)) as server:
        withheld, quiet = await ask(server, "secret"), await ask(server, "nobody")
    assert withheld["push"] == quiet["push"]


def test_a_long_queue_is_no_problem_for_the_rule():
    model = CompiledModel(manifest(features=OF_PUSHES), editors_stump())
    records = [features.DEFAULTS | {"fields_behind": 2.0, "hours_since_last_sync": float(i)} for i in range(1000)]
    row = pushes.one_row(model, records)
    assert (row["fields_behind"], row["hours_since_last_sync"], row["concurrent_editors"]) == (2000.0, 0.0, 0.0)


@pytest.mark.parametrize("name", ["manifest.json", "model.npz", "examples.npz"])
def test_a_version_whose_push_model_has_rotted_is_refused(tmp_path, name):
    version = cached_both(tmp_path)
    file = ModelCache(tmp_path).folder(version) / "push" / name
    file.write_bytes(file.read_bytes()[:-7])
    store = started(tmp_path)
    assert store.current is None and store.refused.version == version


def test_a_push_model_that_answers_its_examples_otherwise_is_refused(tmp_path, monkeypatch):
    version = cached_both(tmp_path)
    folder = ModelCache(tmp_path).folder(version) / "push"
    monkeypatch.setattr("runtime.files._agree", lambda *_: True)
    x = np.array([list(features.DEFAULTS.values())])
    save(folder, load(folder).manifest, editors_stump(0.2, 0.95), x, [0.5])
    monkeypatch.undo()
    assert "does not answer its examples" in started(tmp_path).refused.reason


def test_a_rule_that_nobody_knows_is_refused(tmp_path):
    cached_both(tmp_path, features=[*OF_PUSHES[:-1], OF_PUSHES[-1] | {"of_records": "median"}])
    assert "median" in started(tmp_path).refused.reason


def test_a_kept_folder_whose_push_model_has_rotted_is_replaced(tmp_path):
    version, cache = cached_both(tmp_path), ModelCache(tmp_path)
    (cache.folder(version) / "push" / "model.npz").write_bytes(b"rotten")
    with cache.incoming() as folder:
        cache.keep(write_both(folder / "x"), version)
    assert started(tmp_path).current.push is not None


@pytest.mark.parametrize(
    ("feature", "fact"),
    [
        ("open_edits_same_user", "you have one of the records open on 2 other devices"),
        ("open_edits", "one of the records is open in 2 other places"),
        ("entity_edit_frequency", "one of the records is changed often"),
        ("hours_since_last_sync", "you last synced one of the records 2 hours ago"),
        ("versions_behind", "your copy of one of the records is 2 versions behind"),
    ],
)
def test_a_warning_about_a_push_speaks_of_its_records(feature, fact):
    said = wording.push_warning(features.DEFAULTS | {feature: 2.0}, (Factor(feature, 2.0, 0.3),))
    assert said == f"One of these changes is likely to conflict: {fact}. Sync now, or talk to the others first."
