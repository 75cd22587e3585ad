"""Pushed changes a second, through HTTP, against the floor in the same run, and against pouchdb-server.

    make bench BENCH=push          (first `make bench-peers`, once, for the figures of pouchdb-server)

Rounds are interleaved (floor, HTTP, peer, floor, …) and the ratio of each round is taken, because machines are noisy.
PostgreSQL syncs for real, into a log whose files are there already, as they are in a cluster that is in use. A tenant's
records are split between its connections, so that nobody waits for a record lock; the tenant's clock is shared, as it
is in life. A stale change names the version before the current one, which another device wrote. Growth is measured on
records drawn from all over a tenant of 10^4 and one of 10^6.
"""

import asyncio
import contextlib
import datetime as dt
import gc
import os
import random
import secrets
import statistics
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson
from support import pouchdb, push_floor
from support.harness import Meter, close, http_server
from support.load import Connection, drain
from support.throwaway import fill_log, postgres

from web import auth

USER = "u1"
TEXT = "x" * 200
ROUNDS = 7  # of a second each, which differ by a tenth
CHANGES = int(os.environ.get("BENCH_CHANGES", "8000"))  # in a round
RECORDS = int(os.environ.get("BENCH_RECORDS", "10000"))  # of each shape, over all its tenants
MANY = int(os.environ.get("BENCH_MANY", "1000000"))
DRAWN = 20_000


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

    @property
    def has_peer(self) -> bool:
        """Whether a peer that knows no staleness and one database a tenant can be asked the same."""
        return self.batch == 100 and not self.stale_share

    @property
    def pushes(self) -> int:
        """Of each connection in a round."""
        return max(1, CHANGES // (self.batch * self.connections))


@dataclass(frozen=True)
class Figure:
    """Changes a second, and CPU µs a change. server_us of the floor: what its client spends, which is this process."""

    per_second: float
    server_us: float
    postgres_us: float

    @property
    def cpu_us(self) -> float:
        return self.server_us + self.postgres_us


@dataclass(frozen=True)
class Push:
    tenant: str
    device: str
    changes: list[push_floor.FloorChange]


class Records:
    """The records that one lane pushes, and the version that each is at: every push raises it by one."""

    def __init__(self, tenant: str, ids: list[str]) -> None:
        self.tenant = tenant
        self.versions = dict.fromkeys(ids, 1)
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

    async def prepare(self, admin_url: str, tenants: dict[str, list[str]]) -> None:
        """Fresh tenants, under `client_wins`, with their records at version 1."""
        connection = await asyncpg.connect(admin_url)
        for tenant, ids in tenants.items():
            await connection.execute(NEW_TENANT, tenant)
            await connection.execute(NEW_CLOCK, tenant)
            await connection.execute(NEW_POLICY, tenant)
            await connection.execute(NEW_RECORDS, tenant, ids)
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

        before = time.process_time()
        with Meter(None, self.postgres_pid) as meter:
            await drain(lanes, send)
        client = time.process_time() - before
        for connection in connections:
            await connection.close()
        return Figure(changes / meter.seconds, 1e6 * client / changes, 1e6 * meter.cpu.postgres / changes)

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

    async def pair(self, lanes: list[Records], shape: Shape) -> tuple[Figure, Figure]:
        """The floor and the API, one after the other."""
        pushes = shape.pushes
        changes = pushes * shape.batch * shape.connections
        floor = await self.floor([[lane.push(shape) for _ in range(pushes)] for lane in lanes], changes)
        http = await self.http([[lane.push(shape) for _ in range(pushes)] for lane in lanes], changes)
        return floor, http

    async def measure(self, admin_url: str, shape: Shape, peer: tuple[str, int] | None) -> dict[str, float | None]:
        """Interleaved rounds of one shape; returns its figures by name. peer: URL and pid, where it is asked for."""
        run = f"t{secrets.token_hex(3)}"
        lanes = [Records(f"{run}-{lane % shape.tenants}", names(lane, shape)) for lane in range(shape.connections)]
        tenants: dict[str, list[str]] = {}
        for lane in lanes:
            tenants.setdefault(lane.tenant, []).extend(lane.versions)
        await self.prepare(admin_url, tenants)
        documents = [pouchdb.Documents(lane.tenant, list(lane.versions)) for lane in lanes]
        if peer:
            await pouchdb.fill(peer[0], documents, TEXT)
        taken, peers = [], []
        for number in range(ROUNDS + 1):
            pair = await self.pair(lanes, shape)
            told = await pouchdb.push(*peer, documents, shape.pushes, shape.batch, TEXT) if peer else None
            if number:  # the first round warms up
                taken.append(pair)
                peers.append(told)
        figures: dict[str, float | None] = {**summary(taken)}
        print(f"{shape.name:24s} {told_of(summary(taken))}", flush=True)
        if shape.has_peer:
            figures |= against(peers, [http for _, http in taken])
        return {f"{shape.name}_{key}": value for key, value in figures.items()}

    async def grow(self, admin_url: str, shape: Shape) -> dict[str, float | None]:
        """How much dearer a change is in a tenant of 10^6 records than in one of 10^4, and what of that is the floor's
        own: both tenants in turn, in every round."""
        run = f"t{secrets.token_hex(3)}"
        sizes = {"few": RECORDS, "many": MANY}
        draw = random.Random(7)
        lanes = {}
        for name, count in sizes.items():
            ids = [f"r{number:07d}" for number in range(count)]
            await self.prepare(admin_url, {f"{run}-{name}": ids})
            lanes[name] = Records(f"{run}-{name}", draw.sample(ids, min(count, DRAWN)))
        taken: dict[str, list[tuple[Figure, Figure]]] = {name: [] for name in sizes}
        for number in range(ROUNDS + 2):
            for name, lane in lanes.items():
                pair = await self.pair([lane], shape)
                if number > 1:  # it takes two rounds until every record has once been read from disk
                    taken[name].append(pair)
        figures: dict[str, float | None] = {}
        for name in sizes:
            found = summary(taken[name])
            print(f"{shape.name:17s} {sizes[name]:7d} {told_of(found)}", flush=True)
            figures |= {f"records_{name}_{key}": value for key, value in found.items()}
        both = list(zip(taken["few"], taken["many"], strict=True))
        floors = statistics.median(few[0].per_second / many[0].per_second for few, many in both)
        https = statistics.median(few[1].per_second / many[1].per_second for few, many in both)
        print(f"growth: a change takes {https:.2f} times as long, of the floor {floors:.2f} times", flush=True)
        return figures | {"growth": https, "floor_growth": floors, "growth_over_floor": https / floors}


def names(lane: int, shape: Shape) -> list[str]:
    return [f"r{lane:02d}-{number:06d}" for number in range(RECORDS // shape.connections)]


def summary(taken: list[tuple[Figure, Figure]]) -> dict[str, float]:
    """The figures of a shape, of its (floor, HTTP) rounds."""
    floors, https = [floor for floor, _ in taken], [http for _, http in taken]
    return {
        "per_s": statistics.median(http.per_second for http in https),
        "floor_per_s": statistics.median(floor.per_second for floor in floors),
        "share_of_floor": statistics.median(http.per_second / floor.per_second for floor, http in taken),
        "server_us": statistics.median(http.server_us for http in https),
        "postgres_us": statistics.median(http.postgres_us for http in https),
        "floor_client_us": statistics.median(floor.server_us for floor in floors),
        "floor_postgres_us": statistics.median(floor.postgres_us for floor in floors),
        "share_by_cpu": statistics.median(f.cpu_us / h.cpu_us for f, h in taken),
    }


def told_of(found: dict[str, float]) -> str:
    return (
        f"{found['per_s']:8.0f}/s  floor {found['floor_per_s']:8.0f}/s  share {found['share_of_floor']:.2f}   CPU µs a "
        f"change: server {found['server_us']:.0f} + PostgreSQL {found['postgres_us']:.0f} "
        f"(floor {found['floor_client_us']:.0f} + {found['floor_postgres_us']:.0f})"
    )


def against(peers: list[tuple[float, float] | None], https: list[Figure]) -> dict[str, float | None]:
    """Ours and the peer's, of the same rounds; None where it is not installed."""
    found = [(peer, http) for peer, http in zip(peers, https, strict=True) if peer]
    if not found:
        return dict.fromkeys(("pouchdb_per_s", "pouchdb_us", "over_pouchdb"))
    per_second = statistics.median(peer[0] for peer, _ in found)
    cpu = statistics.median(peer[1] for peer, _ in found)
    ratio = statistics.median(http.per_second / peer[0] for peer, http in found)
    print(
        f"{'':24s} {per_second:8.0f}/s  pouchdb-server ({cpu:.0f} CPU µs a change)   ours over it {ratio:.2f}",
        flush=True,
    )
    return {"pouchdb_per_s": per_second, "pouchdb_us": cpu, "over_pouchdb": ratio}


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


LEAST = {(100, 0.0): 0.6, (10, 0.0): 0.4, (100, 0.2): 0.5, (10, 0.2): 0.35}  # share of the floor


async def main() -> None:
    secret = secrets.token_hex(32)
    figures: dict[str, float | None] = {}
    if not pouchdb.is_installed():
        print(pouchdb.HOW)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(postgres())
        fill_log(database.admin_url)
        api_url = database.role_url("foresync_api")
        env = {"FORESYNC_API_DATABASE_URL": api_url, "FORESYNC_JWT_SECRET": secret}
        url, pid = stack.enter_context(http_server("sync_api.app:create_app", env, folder / "api.log"))
        peer = stack.enter_context(pouchdb.server(folder / "pouchdb")) if pouchdb.is_installed() else None
        bench = Bench(url, pid, api_url, database.pid, secret)
        for shape in MATRIX:
            figures |= await bench.measure(database.admin_url, shape, peer if shape.has_peer else None)
        figures |= await bench.grow(database.admin_url, MATRIX[0])
    goals = {f"{shape.name}_share_of_floor": LEAST[shape.batch, shape.stale_share] for shape in MATRIX}
    goals |= {f"{shape.name}_over_pouchdb": 1.5 for shape in MATRIX if shape.has_peer}
    close("push", figures, goals, {"growth_over_floor": 1.15})


if __name__ == "__main__":
    asyncio.run(main())
