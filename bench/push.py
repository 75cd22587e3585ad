"""Pushed changes a second, through HTTP, against the floor in the same run.

    make bench BENCH=push

Rounds are interleaved (floor, HTTP, floor, HTTP, …) and the ratio of each pair is taken, because machines are noisy.
PostgreSQL syncs for real. A tenant's records are split between its connections, so that nobody waits for a record lock;
the tenant's clock is shared, as it is in life. A stale change names the version before the current one, which another
device wrote.
"""

import asyncio
import datetime as dt
import gc
import os
import secrets
import statistics
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson
from support import push_floor
from support.harness import Meter, close, http_server
from support.load import Connection, drain
from support.throwaway import postgres

from web import auth

USER = "u1"
TEXT = "x" * 200
ROUNDS = 3


@dataclass(frozen=True)
class Shape:
    """One cell of the matrix."""

    batch: int
    connections: int
    tenants: int
    stale_share: float

    @property
    def name(self) -> str:
        staleness = "stale" if self.stale_share else "clean"
        return f"b{self.batch}_c{self.connections}_t{self.tenants}_{staleness}"


@dataclass(frozen=True)
class Figure:
    per_second: float
    server_us: float
    postgres_us: float


@dataclass(frozen=True)
class Push:
    tenant: str
    device: str
    changes: list[push_floor.FloorChange]


class Records:
    """The records of one lane, and the version that each is at: every push raises it by one."""

    def __init__(self, tenant: str, lane: int, count: int) -> None:
        self.tenant = tenant
        self.versions = {f"r{lane:02d}-{number:06d}": 1 for number in range(count)}
        self._ids = list(self.versions)
        self._at = 0
        self._pushes = 0

    def push(self, shape: Shape) -> Push:
        """The next batch, round robin over the records; devices alternate, so that the stale ones collide."""
        self._pushes += 1
        stale_every = round(1 / shape.stale_share) if shape.stale_share else 0
        changes = []
        for position in range(shape.batch):
            entity_id = self._ids[self._at]
            self._at = (self._at + 1) % len(self._ids)
            version = self.versions[entity_id]
            is_stale = bool(stale_every) and position % stale_every == 0 and version > 1
            data = orjson.dumps({"title": f"{uuid.uuid4()}", "description": TEXT})
            changes.append(
                push_floor.FloorChange(
                    entity_id, str(uuid.uuid4()), version - 1 if is_stale else version, data, is_stale
                )
            )
            self.versions[entity_id] = version + 1
        return Push(self.tenant, f"d{self._pushes % 2}", changes)


def envelope(push: Push) -> bytes:
    now = dt.datetime.now(dt.UTC).isoformat()
    return orjson.dumps(
        {
            "device_id": push.device,
            "client_time": now,
            "network_type": "good",
            "sync_session_id": str(uuid.uuid4()),
            "changes": [
                {
                    "entity": "task",
                    "op": "update",
                    "offline_id": change.offline_id,
                    "server_id": change.entity_id,
                    "client_version": change.base_version,
                    "edited_at": now,
                    "data": orjson.Fragment(change.data),
                }
                for change in push.changes
            ],
        }
    )


class Bench:
    """A server, a database and the tokens; measures one shape at a time."""

    def __init__(self, url: str, server_pid: int, database_url: str, postgres_pid: int, secret: str) -> None:
        self.url, self.server_pid = url, server_pid
        self.database_url, self.postgres_pid = database_url, postgres_pid
        self.secret = secret

    async def prepare(self, admin_url: str, lanes: list[Records]) -> None:
        """Fresh tenants, under `client_wins`, with their records at version 1."""
        connection = await asyncpg.connect(admin_url)
        for tenant in {lane.tenant for lane in lanes}:
            await connection.execute(NEW_TENANT, tenant)
            await connection.execute(NEW_CLOCK, tenant)
            await connection.execute(NEW_POLICY, tenant)
        for lane in lanes:
            await connection.execute(NEW_RECORDS, lane.tenant, list(lane.versions))
        await connection.execute("VACUUM (ANALYZE) sync.record")
        await connection.close()

    async def floor(self, lanes: list[list[Push]], changes: int) -> Figure:
        connections = [await asyncpg.connect(self.database_url) for _ in lanes]
        statements = [await push_floor.prepare(connection) for connection in connections]

        async def send(lane: int, push: Push) -> None:
            await push_floor.push(
                connections[lane],
                statements[lane],
                tenant=push.tenant,
                user=USER,
                device=push.device,
                changes=push.changes,
            )

        with Meter(None, self.postgres_pid) as meter:
            await drain(lanes, send)
        for connection in connections:
            await connection.close()
        return Figure(changes / meter.seconds, 0.0, 1e6 * meter.cpu.postgres / changes)

    async def http(self, lanes: list[list[Push]], changes: int) -> Figure:
        connections = [await Connection.open(self.url) for _ in lanes]
        tokens = {
            push.tenant: auth.mint(
                self.secret, tenant=push.tenant, user=USER, scopes=["sync"], expires_in=dt.timedelta(hours=1)
            )
            for lane in lanes
            for push in lane[:1]
        }
        bodies = [[(tokens[push.tenant], len(push.changes), envelope(push)) for push in lane] for lane in lanes]

        async def send(lane: int, item: tuple[str, int, bytes]) -> None:
            token, expected, body = item
            status, answer = await connections[lane].post("/api/v1/sync/push", token, body)
            if status != 200 or orjson.loads(answer)["summary"]["applied"] != expected:
                raise SystemExit(f"a push was not applied whole: {status} {answer[:2000]!r}")

        gc.collect()
        with Meter(self.server_pid, self.postgres_pid) as meter:
            await drain(bodies, send)
        for connection in connections:
            await connection.close()
        return Figure(changes / meter.seconds, 1e6 * meter.cpu.server / changes, 1e6 * meter.cpu.postgres / changes)

    async def measure(self, admin_url: str, shape: Shape, per_round: int, records: int) -> dict[str, float]:
        """Interleaved rounds of one shape; returns its figures by name."""
        run = secrets.token_hex(3)
        lanes = [
            Records(f"{run}-{lane % shape.tenants}", lane, records // shape.connections)
            for lane in range(shape.connections)
        ]
        await self.prepare(admin_url, lanes)
        pushes = max(1, per_round // (shape.batch * shape.connections))
        changes = pushes * shape.batch * shape.connections
        floors, https = [], []
        for number in range(ROUNDS + 1):
            floor = await self.floor([[lane.push(shape) for _ in range(pushes)] for lane in lanes], changes)
            http = await self.http([[lane.push(shape) for _ in range(pushes)] for lane in lanes], changes)
            if number:  # the first pair warms up
                floors.append(floor)
                https.append(http)
        ratio = statistics.median(h.per_second / f.per_second for h, f in zip(https, floors, strict=True))
        figures = {
            "per_s": statistics.median(h.per_second for h in https),
            "floor_per_s": statistics.median(f.per_second for f in floors),
            "share_of_floor": ratio,
            "server_us": statistics.median(h.server_us for h in https),
            "postgres_us": statistics.median(h.postgres_us for h in https),
            "floor_postgres_us": statistics.median(f.postgres_us for f in floors),
        }
        print(
            f"{shape.name:24s} {figures['per_s']:8.0f}/s  floor {figures['floor_per_s']:8.0f}/s  share {ratio:.2f}   "
            f"CPU µs a change: server {figures['server_us']:.0f} + PostgreSQL {figures['postgres_us']:.0f} "
            f"(floor {figures['floor_postgres_us']:.0f})",
            flush=True,
        )
        return {f"{shape.name}_{key}": value for key, value in figures.items()}


NEW_TENANT = "INSERT INTO sync.tenant (tenant_id, name) VALUES ($1, $1)"
NEW_CLOCK = "INSERT INTO sync.tenant_clock (tenant_id) VALUES ($1)"
NEW_POLICY = """
INSERT INTO sync.tenant_conflict_policy (tenant_id, entity_type, version, strategy, created_by)
VALUES ($1, '*', 1, 'client_wins', 'bench')
"""
NEW_RECORDS = """
INSERT INTO sync.record (tenant_id, entity_type, entity_id, version, data, field_versions, seq, updated_at, updated_by,
                         first_event_at)
SELECT $1, 'task', id, 1, jsonb_build_object('title', id, 'description', repeat('x', 200)), '{}', 0, now(), 'u0', now()
FROM unnest($2::text[]) AS id
"""

MATRIX = [
    Shape(batch, connections, tenants, stale)
    for stale in (0.0, 0.2)
    for batch in (100, 10)
    for connections, tenants in ((1, 1), (16, 1), (16, 16))
]


async def main() -> None:
    per_round = int(os.environ.get("BENCH_CHANGES", "8000"))
    records = int(os.environ.get("BENCH_RECORDS", "10000"))
    secret = secrets.token_hex(32)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, postgres() as database:
        env = {"FORESYNC_API_DATABASE_URL": database.role_url("foresync_api"), "FORESYNC_JWT_SECRET": secret}
        with http_server("sync_api.app:create_app", env, Path(folder) / "api.log") as (url, pid):
            bench = Bench(url, pid, database.role_url("foresync_api"), database.pid, secret)
            for shape in MATRIX:
                figures |= await bench.measure(database.admin_url, shape, per_round, records)
    goals = {}
    for shape in MATRIX:
        least = {(100, 0.0): 0.6, (10, 0.0): 0.4, (100, 0.2): 0.5, (10, 0.2): 0.35}[(shape.batch, shape.stale_share)]
        goals[f"{shape.name}_share_of_floor"] = least
    close("push", figures, goals)


if __name__ == "__main__":
    asyncio.run(main())
