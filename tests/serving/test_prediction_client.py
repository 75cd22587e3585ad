"""The Python client asks a real prediction server, and reads all that it answers."""

from datetime import timedelta

import pytest

from foresync.client import ForbiddenError, PredictionClient, UnreachableError
from serving.features import NAMES
from tests.serving.models import cached, cached_both
from tests.serving.running import serve_in_a_thread
from web.auth import mint

EDIT = {"entity_type": "Task", "entity_id": "t1", "client_version": 5, "fields": ["status"]}


def test_a_prediction_a_queue_of_them_and_an_explanation(settings, jwt_secret, tmp_path):
    cached(tmp_path / "cache", number="7")
    token = mint(jwt_secret, tenant="acme", user="ann", scopes=("predict",), expires_in=timedelta(hours=1))
    with serve_in_a_thread(settings()) as url, PredictionClient(url, token, "ann", device_id="d") as client:
        one, many, why = client.predict(EDIT), client.predict_all([EDIT, EDIT]), client.explain(EDIT)
        with PredictionClient(url, token, "bob") as another, pytest.raises(ForbiddenError):
            another.predict(EDIT)
    assert (one.probability, one.risk_level, one.model_version, one.threshold) == (0.1, "low", "7", 0.7)
    assert one.basis == "pooled"
    assert [(p.probability, p.warning_message) for p in many] == [(0.1, None)] * 2
    assert len({one.prediction_id, many[0].prediction_id, many[1].prediction_id}) == 3
    assert (why.prediction.probability, why.scale, why.score) == (0.1, "probability", pytest.approx(0.1))
    assert [part["feature"] for part in why.features] == list(NAMES)
    assert why.as_of_seq == 0 and why.asked_at.tzinfo


def test_a_queue_as_one_push(settings, jwt_secret, tmp_path):
    token = mint(jwt_secret, tenant="acme", user="ann", scopes=("predict",), expires_in=timedelta(hours=1))
    told = []
    for cache, make in (("alone", cached), ("both", cached_both)):
        make(tmp_path / cache)
        with serve_in_a_thread(settings(model_cache=tmp_path / cache)) as url, PredictionClient(url, token, "ann") as c:
            told.append(c.predict_queue([EDIT, EDIT]))
    alone, both = told
    assert alone.push is None and [p.probability for p in both.predictions] == [0.1, 0.1]
    push = both.push
    assert push is not None and push.warning_message is None
    assert (push.probability, push.risk_level, push.threshold, push.top_factors) == (0.2, "low", 0.6, [])


def test_a_server_that_is_not_there_is_asked_once():
    with PredictionClient("http://127.0.0.1:9", "t", "ann") as client, pytest.raises(UnreachableError):
        client.predict(EDIT)
