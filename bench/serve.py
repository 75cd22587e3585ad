"""Predictions a second over HTTP, full path, against a floor and `mlflow models serve` in the same run.

    make bench BENCH=serve

Ours does everything: token, validation, features from PostgreSQL with a million log rows, model, top factors, log.
The floor verifies the same token, validates the same body and returns a constant. `mlflow models serve` gets the
features ready made. Rounds are interleaved; a share is a ratio of requests per CPU-second (server and PostgreSQL).
"""

import asyncio
import contextlib
import datetime as dt
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path

import asyncpg
import httpx
import orjson
import psutil
from support import forest
from support.harness import Meter, close, free_port, http_server
from support.load import Connection
from support.throwaway import postgres

from web import auth

TENANT = "bench"
LOG_ROWS = int(os.environ.get("BENCH_LOG_ROWS", "1000000"))
RECORDS = 50_000
USERS = 2_000
ROUNDS = 3
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
PATH = "/api/ml/predict-conflict"

HISTORY = """
SELECT sync.ensure_month(now() - make_interval(days => d)) FROM generate_series(0, 90, 10) AS d;
INSERT INTO sync.tenant (tenant_id, name) VALUES ('bench', 'bench');
INSERT INTO sync.tenant_clock (tenant_id, seq) VALUES ('bench', {rows});
INSERT INTO sync.sync_log (tenant_id, received_at, seq, sync_id, sync_session_id, user_id, device_id, entity_type,
  entity_id, offline_id, operation, server_version, new_version, outcome, is_conflicted, fields, edited_at)
SELECT 'bench', at, n, gen_random_uuid(), 's', 'u' || (n * 7919 % {users}), 'd', 'task',
  'r' || (n * 104729 % {records}), n::text, 'update', 1, 2, 'applied', n % 40 = 0, ARRAY['f' || n % 8, 'f' || n % 5],
  at - interval '10 minutes'
FROM generate_series(1, {rows}::bigint) AS n,
  LATERAL (SELECT now() - make_interval(secs => ({rows} - n) * 7.7e6 / {rows}) AS at);
INSERT INTO sync.record (tenant_id, entity_type, entity_id, version, data, seq, updated_at, updated_by, event_count,
  conflict_count, first_event_at)
SELECT 'bench', 'task', entity_id, count(*), '{{}}', max(seq), max(received_at), 'u', count(*),
  count(*) FILTER (WHERE is_conflicted), min(received_at)
FROM sync.sync_log GROUP BY entity_id;
INSERT INTO sync.user_activity (tenant_id, user_id, event_count, conflict_count)
SELECT 'bench', user_id, count(*), count(*) / 20 FROM sync.sync_log GROUP BY user_id;
"""


async def fill(admin_url: str) -> None:
    """A million log rows over three months, and the records and counters that go with them."""
    connection = await asyncpg.connect(admin_url)
    await connection.execute(HISTORY.format(rows=LOG_ROWS, records=RECORDS, users=USERS))
    for counted in import_module("sync_api.db.migrations.versions.0022_features_of_histories").BACKFILL:
        await connection.execute(counted)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()


@contextlib.contextmanager
def mlflow_server(model: Path, log: Path) -> Iterator[tuple[str, int]]:
    """`mlflow models serve`, one worker, as its documentation starts it."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "-p", str(port), "-w", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--env-manager", "local", "-h", "127.0.0.1"],
            stdout=output,
            stderr=output,
            # it starts uvicorn by name
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/ping", timeout=2).status_code == 200:
                    yield url, process.pid
                    return
            time.sleep(0.5)
        raise SystemExit(f"mlflow models serve did not get ready:\n{log.read_text()[-2000:]}")
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.terminate()
        process.terminate()
        process.wait(30)


Ask = Callable[[Connection], Awaitable[tuple[int, bytes]]]


async def pressed(url: str, ask: Ask, connections: int) -> list[float]:
    """Ask over so many connections for the bench's seconds; every latency, in milliseconds."""
    latencies: list[float] = []
    ends = time.perf_counter() + SECONDS

    async def one() -> None:
        connection = await Connection.open(url)
        while (began := time.perf_counter()) < ends:
            status, body = await ask(connection)
            if status != 200:
                raise SystemExit(f"{status}: {body[:500]!r}")
            latencies.append(1e3 * (time.perf_counter() - began))
        await connection.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return latencies


def questions(secret: str, batch: int = 0) -> Ask:
    """Prediction requests about drawn records, half of them announcing fields."""
    draw = random.Random(1)
    token = auth.mint(secret, tenant=TENANT, user="u1", scopes=["predict"], expires_in=dt.timedelta(hours=1))

    def edit() -> dict[str, object]:
        edited = {"entity_type": "Task", "entity_id": f"r{draw.randrange(RECORDS)}"}
        return edited | ({"fields": [f"f{draw.randrange(8)}"]} if draw.random() < 0.5 else {})

    async def ask(connection: Connection) -> tuple[int, bytes]:
        asked = {"items": [edit() for _ in range(batch)]} if batch else edit()
        body = orjson.dumps({"user_id": "u1", "device_id": "d"} | asked)
        return await connection.post(f"{PATH}/batch" if batch else PATH, token, body)

    return ask


async def ready_made(connection: Connection) -> tuple[int, bytes]:
    """A row of features for `mlflow models serve`."""
    row = [random.random() for _ in forest.FEATURE_NAMES]
    split = {"columns": list(forest.FEATURE_NAMES), "data": [row]}
    return await connection.post("/invocations", "", orjson.dumps({"dataframe_split": split}))


class Peer:
    """One server under test: what is asked of it, and whose CPU time counts."""

    def __init__(self, name: str, url: str, pid: int, postgres_pid: int, ask: Ask) -> None:
        self.name, self.url, self.pid, self.postgres_pid, self.ask = name, url, pid, postgres_pid, ask

    async def measure(self, connections: int) -> dict[str, float]:
        with Meter(self.pid, self.postgres_pid) as meter:
            latencies = await pressed(self.url, self.ask, connections)
        count = len(latencies)
        cpu = meter.cpu.server + meter.cpu.postgres
        return {
            "rps": count / meter.seconds,
            "p50_ms": statistics.median(latencies),
            "p99_ms": sorted(latencies)[int(0.99 * (count - 1))],
            "server_us": 1e6 * meter.cpu.server / count,
            "postgres_us": 1e6 * meter.cpu.postgres / count,
            "per_cpu_second": count / cpu if cpu else 0.0,
        }


async def compare(peers: list[Peer], connections: int) -> dict[str, dict[str, float]]:
    """The median of interleaved rounds; the first round warms up."""
    rounds: dict[str, list[dict[str, float]]] = {peer.name: [] for peer in peers}
    for number in range(ROUNDS + 1):
        for peer in peers:
            figures = await peer.measure(connections)
            if number:
                rounds[peer.name].append(figures)
    medians = {
        name: {key: statistics.median(found[key] for found in figures) for key in figures[0]}
        for name, figures in rounds.items()
    }
    for name, figures in medians.items():
        print(
            f"{connections:3d} connections  {name:8s} {figures['rps']:7.0f} rps  p50 {figures['p50_ms']:7.2f} ms  "
            f"p99 {figures['p99_ms']:7.2f} ms  CPU µs: server {figures['server_us']:6.0f} "
            f"+ PostgreSQL {figures['postgres_us']:5.0f}",
            flush=True,
        )
    return medians


async def main() -> None:
    secret = secrets.token_hex(32)
    with tempfile.TemporaryDirectory() as place, postgres() as database:
        folder = Path(place)
        nodes = forest.write(folder / "cache", folder / "model")
        print(f"a forest of {nodes:,} nodes; {LOG_ROWS:,} log rows", flush=True)
        await fill(database.admin_url)
        env = {
            "FORESYNC_SERVING_DATABASE_URL": database.role_url("foresync_serving"),
            "FORESYNC_JWT_SECRET": secret,
            "FORESYNC_MODEL_CACHE": str(folder / "cache"),
        }
        with contextlib.ExitStack() as stack:
            url, pid = stack.enter_context(
                http_server("bench.support.serve_floor:create_app", env, folder / "floor.log")
            )
            floor = Peer("floor", url, pid, database.pid, questions(secret))
            began = time.monotonic()
            url, pid = stack.enter_context(http_server("serving.app:create_app", env, folder / "ours.log"))
            cold_start = time.monotonic() - began
            ours = Peer("ours", url, pid, database.pid, questions(secret))
            batches = Peer("batch100", url, pid, database.pid, questions(secret, batch=100))
            url, mlflow_pid = stack.enter_context(mlflow_server(folder / "model", folder / "mlflow.log"))
            mlflow = Peer("mlflow", url, mlflow_pid, database.pid, ready_made)
            one = await compare([floor, ours, batches, mlflow], 1)
            many = await compare([floor, ours, mlflow], 32)
            resident = psutil.Process(pid).memory_info().rss / 2**20
    figures = {
        "share_of_floor": many["ours"]["per_cpu_second"] / many["floor"]["per_cpu_second"],
        "times_mlflow": many["ours"]["per_cpu_second"] / many["mlflow"]["per_cpu_second"],
        "p99_ms_c1": one["ours"]["p99_ms"],
        "p99_ms_c32": many["ours"]["p99_ms"],
        "batch100_over_single": one["batch100"]["p50_ms"] / one["ours"]["p50_ms"],
        "cold_start_s": cold_start,
        "resident_mib": resident,
        "server_us": many["ours"]["server_us"],
        "postgres_us": many["ours"]["postgres_us"],
        "floor_us": many["floor"]["server_us"],
        "rps_c32": many["ours"]["rps"],
        "mlflow_rps_c32": many["mlflow"]["rps"],
    }
    at_most = {
        "p99_ms_c1": 10.0,
        "p99_ms_c32": 50.0,
        "batch100_over_single": 10.0,
        "cold_start_s": 4.0,
        "resident_mib": 150.0,
    }
    close("serve", figures, {"share_of_floor": 0.35, "times_mlflow": 15.0}, at_most)


if __name__ == "__main__":
    asyncio.run(main())
