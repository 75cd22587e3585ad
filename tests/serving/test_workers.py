"""Several workers are one server: they count together, one that dies is replaced, and all log the same way."""

import asyncio
import json
import re
import uuid

import pytest

from tests.serving.models import cached
from tests.serving.processes import Workers, environment
from tests.serving.running import Server, eventually

ASKED = 40

pytestmark = pytest.mark.slow


async def test_two_workers_are_one_server(serving_url, jwt_secret, tmp_path):
    cached(tmp_path / "cache", number="7")
    workers = Workers(environment(serving_url, jwt_secret, tmp_path / "cache"), 2, tmp_path / "log")
    workers.start()
    server = Server(workers.url, jwt_secret)
    try:
        await eventually(lambda: answering(server, 2))
        await asyncio.gather(*(server.ask(entity_id="not in the log") for _ in range(ASKED)))
        for _ in range(10):  # whichever of the two answers
            assert await asked(server) == ASKED
        assert await server.counted('foresync_feature_defaults_total{feature="concurrent_editors"}') == ASKED
        for stage in ("waiting", "features", "model", "total"):
            assert await server.counted(f'foresync_prediction_seconds_count{{stage="{stage}"}}') > 0
        assert await server.counted('foresync_prediction_log_rows_total{result="dropped"}') == 0

        dead = workers.kill_one()
        await eventually(lambda: has_started(workers, 3), tries=1200)
        assert dead not in workers.pids()
        assert await answering(server, 2)
        assert await asked(server) == ASKED  # what the dead one counted stays counted
        given = await say(server, {"X-Request-ID": "mine-1"})
    finally:
        assert workers.end() == 0
    lines = [json.loads(line) for line in workers.log.read_text().splitlines()]
    told = [line for line in lines if line["message"] == "request" and line["tenant"]]
    assert len(told) == ASKED + 1
    last = told[-1]
    assert (last["request_id"], last["tenant"], last["method"], last["status"]) == ("mine-1", "acme", "POST", 200)
    assert (last["route"], last["model_version"]) == ("/api/v1/predict-conflict", "7")
    assert last["ms"] > 0
    assert "not in the log" not in workers.log.read_text()
    assert jwt_secret not in workers.log.read_text() and given not in workers.log.read_text()


async def say(server: Server, headers: dict[str, str]) -> str:
    """Ask with these headers; the token that went along."""
    async with server.client() as client:
        body = {"user_id": "ann", "entity_type": "task", "entity_id": str(uuid.uuid4())}
        assert (await client.post("/api/v1/predict-conflict/", json=body, headers=headers)).status_code == 200
        return client.headers["Authorization"].split()[1]


async def answering(server: Server, number: int) -> bool:
    return await server.counted('foresync_model_loaded{origin="cache",version="7"}') == number


async def has_started(workers: Workers, number: int) -> bool:
    """So many workers, those included that are no more, have found their model."""
    return workers.log.read_text().count("version 7 answers from now on") == number


async def asked(server: Server) -> float:
    text = (await server.get("/metrics")).text
    return sum(float(found) for found in re.findall(r"^foresync_predictions_total{.*} (\S+)$", text, re.MULTILINE))
