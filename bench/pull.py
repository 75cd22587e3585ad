"""Pulled documents a second, through `GET /sync/changes`, against the floor in the same run.

    make bench BENCH=pull

Every connection reads the whole feed, page by page, as a device does that joins. One tenant's records are as they
were filled; every record of the other has been rewritten twenty times, by pushes in another order each time. Rounds
are interleaved over both tenants (floor, HTTP, floor, HTTP), and ratios are taken within a round, because machines are
noisy. What both fetch is checked to be the same text.
"""

import asyncio
import datetime as dt
import os
import random
import secrets
import statistics
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson
from support import pull_floor, push_floor
from support.harness import Meter, close, http_server
from support.load import Connection
from support.throwaway import postgres

from web import auth

ROUNDS = 5
DOCUMENTS = int(os.environ.get("BENCH_DOCUMENTS", "160000"))  # read in a round, at least
RECORDS = int(os.environ.get("BENCH_RECORDS", "20000"))
REWRITTEN = 20
AT_ONCE = 500
STATES = ("fresh", "rewritten")

NEW_TENANT = """
WITH tenant AS (INSERT INTO sync.tenant (tenant_id, name) VALUES ($1, $1))
INSERT INTO sync.tenant_clock (tenant_id, seq) VALUES ($1, $2)
"""
NEW_RECORDS = """
INSERT INTO sync.record (tenant_id, entity_type, entity_id, version, data, field_versions, seq, updated_at, updated_by,
                         updated_device, first_event_at)
SELECT $1, 'task', id, 1, jsonb_build_object('title', uuidv4(), 'description', repeat('x', 200)), '{}', n, now(), 'u0',
  'd0', now()
FROM unnest($2::text[]) WITH ORDINALITY AS filled (id, n)
"""


@dataclass(frozen=True)
class Shape:
    """One cell of the matrix."""

    page: int
    connections: int

    @property
    def name(self) -> str:
        return f"p{self.page}_c{self.connections}"

    @property
    def readings(self) -> int:
        """How often each connection reads the whole feed in a round."""
        return -(-DOCUMENTS // (RECORDS * self.connections))


@dataclass(frozen=True)
class Figure:
    """Documents a second, and CPU microseconds a document."""

    per_second: float
    server_us: float
    postgres_us: float


MATRIX = [Shape(500, 1), Shape(500, 8), Shape(100, 1), Shape(100, 8)]


async def fill(admin_url: str, api_url: str) -> None:
    """Both tenants, and the history of the rewritten one."""
    ids = [f"r{number:06d}" for number in range(RECORDS)]
    admin = await asyncpg.connect(admin_url)
    await admin.execute("SELECT sync.ensure_month(now())")
    for tenant in STATES:
        await admin.execute(NEW_TENANT, tenant, RECORDS)
        await admin.execute(NEW_RECORDS, tenant, ids)
    await rewrite(api_url, "rewritten", ids)
    await admin.execute("VACUUM (ANALYZE)")  # what autovacuum comes to by itself, a little later
    await admin.close()


async def rewrite(api_url: str, tenant: str, ids: list[str]) -> None:
    """Push every record anew, twenty times, in an order of its own each time."""
    connection = await asyncpg.connect(api_url)
    statement = await push_floor.prepare(connection)
    order = random.Random(7)
    for version in range(1, REWRITTEN + 1):
        order.shuffle(ids)
        for start in range(0, len(ids), AT_ONCE):
            changes = [
                push_floor.FloorChange(
                    entity_id,
                    str(uuid.uuid4()),
                    version,
                    orjson.dumps({"title": str(uuid.uuid4()), "description": "x" * 200}),
                    is_conflicted=False,
                )
                for entity_id in ids[start : start + AT_ONCE]
            ]
            await push_floor.push(connection, statement, tenant=tenant, user="u1", device="d1", changes=changes)
    await connection.close()


class Bench:
    """A server, a filled database and a token for each tenant."""

    def __init__(self, url: str, server_pid: int, database_url: str, postgres_pid: int, secret: str) -> None:
        self.url, self.server_pid = url, server_pid
        self.database_url, self.postgres_pid = database_url, postgres_pid
        self.heads = {"fresh": RECORDS, "rewritten": RECORDS * (1 + REWRITTEN)}
        self.tokens = {
            tenant: auth.mint(secret, tenant=tenant, user="u2", scopes=["sync"], expires_in=dt.timedelta(hours=1))
            for tenant in STATES
        }

    async def floor(self, tenant: str, shape: Shape) -> Figure:
        connections = [await asyncpg.connect(self.database_url) for _ in range(shape.connections)]
        statements = [await pull_floor.prepare(connection) for connection in connections]

        async def read(number: int) -> None:
            for _ in range(shape.readings):
                since = 0
                while since < self.heads[tenant]:
                    last, _ = await pull_floor.page(connections[number], statements[number], tenant, since, shape.page)
                    since = last

        with Meter(None, self.postgres_pid) as meter:
            await asyncio.gather(*(read(number) for number in range(shape.connections)))
        for connection in connections:
            await connection.close()
        return figure(meter, shape)

    async def http(self, tenant: str, shape: Shape) -> Figure:
        connections = [await Connection.open(self.url) for _ in range(shape.connections)]

        async def read(connection: Connection) -> None:
            for _ in range(shape.readings):
                since: int | None = 0
                while since is not None:
                    since = following(await self.page(connection, tenant, since, shape.page))

        with Meter(self.server_pid, self.postgres_pid) as meter:
            await asyncio.gather(*(read(connection) for connection in connections))
        for connection in connections:
            await connection.close()
        return figure(meter, shape)

    async def page(self, connection: Connection, tenant: str, since: int, limit: int) -> bytes:
        path = f"/api/v1/sync/changes?since={since}&limit={limit}"
        status, body = await connection.get(path, self.tokens[tenant])
        if status != 200:
            raise SystemExit(f"{status}: {body[:500]!r}")
        return body

    async def compare(self, tenant: str, limit: int) -> None:
        """Stop unless both read the same pages."""
        connection, http = await asyncpg.connect(self.database_url), await Connection.open(self.url)
        statement = await pull_floor.prepare(connection)
        since: int | None = 0
        while since is not None:
            _, changes = await pull_floor.page(connection, statement, tenant, since, limit)
            body = await self.page(http, tenant, since, limit)
            if not body.startswith(b'{"changes":[%b],"next":' % (changes or "").encode()):
                raise SystemExit(f"the pages after {since} differ")
            since = following(body)
        await http.close()
        await connection.close()

    async def measure(self, shape: Shape) -> dict[str, float]:
        """Interleaved rounds of one shape, over both tenants; returns its figures by name."""
        taken: dict[str, list[Figure]] = {f"{kind}_{state}": [] for state in STATES for kind in ("floor", "http")}
        for number in range(ROUNDS + 1):
            for tenant in STATES:
                floor, http = await self.floor(tenant, shape), await self.http(tenant, shape)
                if number:  # the first round warms up
                    taken[f"floor_{tenant}"].append(floor)
                    taken[f"http_{tenant}"].append(http)
        figures: dict[str, float] = {}
        for state in STATES:
            found = summary(taken[f"http_{state}"], taken[f"floor_{state}"])
            print(f"{shape.name:8s} {state:9s} {told(found)}", flush=True)
            figures |= {f"{shape.name}_{state}_{name}": value for name, value in found.items()}
        figures[f"{shape.name}_rewritten_over_fresh"] = slower(taken["http_rewritten"], taken["http_fresh"])
        figures[f"{shape.name}_floor_rewritten_over_fresh"] = slower(taken["floor_rewritten"], taken["floor_fresh"])
        return figures


def following(page: bytes) -> int | None:
    """Where the next page begins, or None after the last one. The changes are not parsed: that is the clients' cost."""
    end = orjson.loads(b"{" + page[page.rindex(b'],"next":') + 2 :])
    return end["next"] if end["has_more"] else None


def figure(meter: Meter, shape: Shape) -> Figure:
    documents = RECORDS * shape.connections * shape.readings
    return Figure(documents / meter.seconds, 1e6 * meter.cpu.server / documents, 1e6 * meter.cpu.postgres / documents)


def summary(https: list[Figure], floors: list[Figure]) -> dict[str, float]:
    return {
        "per_s": statistics.median(http.per_second for http in https),
        "floor_per_s": statistics.median(floor.per_second for floor in floors),
        "share_of_floor": statistics.median(h.per_second / f.per_second for h, f in zip(https, floors, strict=True)),
        "server_us": statistics.median(http.server_us for http in https),
        "postgres_us": statistics.median(http.postgres_us for http in https),
        "floor_postgres_us": statistics.median(floor.postgres_us for floor in floors),
    }


def slower(rewritten: list[Figure], fresh: list[Figure]) -> float:
    """How fast the records that were rewritten are read, against those that were not."""
    return statistics.median(a.per_second / b.per_second for a, b in zip(rewritten, fresh, strict=True))


def told(found: dict[str, float]) -> str:
    return (
        f"{found['per_s']:8.0f}/s  floor {found['floor_per_s']:8.0f}/s  share {found['share_of_floor']:.2f}   CPU µs a "
        f"document: server {found['server_us']:.2f} + PostgreSQL {found['postgres_us']:.2f} "
        f"(floor {found['floor_postgres_us']:.2f})"
    )


async def main() -> None:
    secret = secrets.token_hex(32)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, postgres() as database:
        api_url = database.role_url("foresync_api")
        await fill(database.admin_url, api_url)
        env = {"FORESYNC_API_DATABASE_URL": api_url, "FORESYNC_JWT_SECRET": secret}
        with http_server("sync_api.app:create_app", env, Path(folder) / "api.log") as (url, pid):
            bench = Bench(url, pid, api_url, database.pid, secret)
            for tenant in STATES:
                await bench.compare(tenant, 500)
            for shape in MATRIX:
                figures |= await bench.measure(shape)
    # the share is the same before and after; what both lose by rewriting is where the records then lie on disk
    close("pull", figures, {f"{shape.name}_{state}_share_of_floor": 0.65 for shape in MATRIX for state in STATES})


if __name__ == "__main__":
    asyncio.run(main())
