"""Under a constant load champions are swapped, one is corrupt, MLflow, a worker and PostgreSQL die: no wrong answer.

As long as it takes, and `CHAOS_SECONDS` at least; with `-s` it tells the latencies of each part.
"""

import asyncio
import itertools
import json
import os
import secrets
import shutil
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from tests.serving.chaos import Ledger, disagreements, keep_asking, write_forest
from tests.serving.histories import random_history, write
from tests.serving.processes import Workers, environment
from tests.serving.registered import crown, register
from tests.serving.running import Server, eventually

ASKERS, VERSIONS, WORKERS, RESTARTS = 6, 10, 2, 3
SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
LONG = 2400  # tries, of a twentieth of a second
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@asynccontextmanager
async def load(server: Server, ledger: Ledger):
    done = asyncio.Event()
    askers = [asyncio.create_task(keep_asking(server, ledger, number, done)) for number in range(ASKERS)]
    try:
        yield
    finally:
        done.set()
        await asyncio.gather(*askers)


async def test_no_answer_is_wrong_whatever_dies(postgres, registry, mlflow_server, tmp_path):
    url, secret = postgres.url(), secrets.token_hex(32)
    db = await asyncpg.connect(url)
    await write(db, "acme", random_history(2, datetime.now(UTC)))
    await db.close()
    references = {}
    for seed in range(VERSIONS + 1):
        reference = write_forest(tmp_path / f"m{seed}", seed)
        references[register(registry, tmp_path / f"m{seed}")] = reference
    corrupt = register(registry, _spoilt(tmp_path / "m0", tmp_path / "corrupt"))
    first, *others = references
    crown(registry, first)
    workers = Workers(
        environment(
            postgres.url("foresync_serving"), secret, tmp_path / "cache",
            MLFLOW_TRACKING_URI=mlflow_server.url, FORESYNC_MODEL_POLL_SECONDS="0.2",
        ),
        WORKERS, tmp_path / "log",
    )  # fmt: skip
    workers.start()
    server, ledger, marks = Server(workers.url, secret), Ledger(), {}
    try:
        await eventually(lambda: all_answer_with(server, first), tries=LONG)
        marks["nothing"] = time.monotonic()
        async with load(server, ledger):
            await asyncio.sleep(SECONDS / 4)
            marks["ten swaps, one corrupt"] = time.monotonic()
            for number, version in enumerate(others):
                if number == VERSIONS // 2:
                    await asyncio.to_thread(crown, registry, corrupt)
                    await eventually(lambda: refused_by(server, WORKERS), tries=LONG)
                await asyncio.to_thread(crown, registry, version)
                await eventually(lambda: all_answer_with(server, version), tries=LONG)  # noqa: B023 - awaited here
            marks["MLflow killed"] = time.monotonic()
            mlflow_server.kill()
            await eventually(lambda: is_alone(server), tries=LONG)
            marks["a worker killed"] = time.monotonic()
            dead = workers.kill_one()
            await eventually(lambda: is_replaced(workers, server, dead, version), tries=LONG)
            marks["PostgreSQL restarted, 3 x"] = away = time.monotonic()
            for _ in range(RESTARTS):
                await asyncio.to_thread(postgres.end)
                await asyncio.sleep(0.5)
                await asyncio.to_thread(postgres.start)
                back = time.monotonic()
                await asyncio.sleep(0.5)
            marks["nothing again"] = back + 3
            await asyncio.sleep(max(4.0, SECONDS - (back - marks["nothing"])))
        marks["the end"] = time.monotonic()
    finally:
        code = workers.end()
    logged = await _logged(url)
    answers = [answer for _, answer in ledger.answers]
    wrong, unproven = disagreements(answers, logged, references)
    _report(ledger, marks, len(answers), unproven)
    log = workers.log.read_text()
    errors = [line for line in log.splitlines() if '"level":"error"' in line]
    assert ledger.wrong == [], log[-5000:]
    assert wrong == []
    assert {answer["model_version"] for answer in answers} == set(references)
    assert answers[-1]["model_version"] == others[-1]
    assert ledger.away and all(away - 3 <= sent <= marks["nothing again"] for sent in ledger.away)
    assert ledger.cut <= ASKERS  # those of the killed worker, once
    assert unproven < len(answers) / 20
    assert code == 0
    assert all(f"version {corrupt} is refused" in line for line in errors), errors


def _spoilt(folder: Path, copy: Path) -> Path:
    shutil.copytree(folder, copy)
    model = (copy / "model.npz").read_bytes()
    (copy / "model.npz").write_bytes(model[:-9])
    return copy


async def _logged(url: str) -> dict[str, dict[str, float]]:
    db = await asyncpg.connect(url)
    rows = await db.fetch("SELECT prediction_id, features_json -> 'features' AS seen FROM sync.prediction_log")
    await db.close()
    return {str(row["prediction_id"]): json.loads(row["seen"]) for row in rows}


def _report(ledger: Ledger, marks: dict[str, float], answers: int, unproven: int) -> None:
    names = list(marks)
    print(f"\n{answers} answers, {unproven} of them of a killed worker; {len(ledger.away)} x 503; {ledger.cut} cut")
    for name, after in itertools.pairwise(names):
        print(f"{name:24s} {marks[after] - marks[name]:5.1f} s  {ledger.told(marks[name], marks[after])}")


async def all_answer_with(server: Server, version: str) -> bool:
    text = (await server.get("/metrics")).text
    return sum(loaded(text, version, origin) for origin in ("registry", "cache")) == WORKERS


def loaded(text: str, version: str, origin: str) -> float:
    sample = f'foresync_model_loaded{{origin="{origin}",version="{version}"}} '
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(sample))


async def refused_by(server: Server, number: int) -> bool:
    return await server.counted("foresync_models_refused_total") >= number


async def is_alone(server: Server) -> bool:
    return (await server.get("/model")).json()["registry_reachable"] is False


async def is_replaced(workers: Workers, server: Server, dead: int, version: str) -> bool:
    return dead not in workers.pids() and len(workers.pids()) == WORKERS and await all_answer_with(server, version)
