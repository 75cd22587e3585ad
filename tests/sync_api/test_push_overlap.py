"""While PostgreSQL works for a push, so does the server."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import psycopg
import pytest

from sync_api import ids
from sync_api.db.session import Months, open_pool
from sync_api.db.tenants import ensure_tenant
from sync_api.push import decode, service
from sync_api.push.answers import Answer
from sync_api.push.prepare import Sender
from sync_api.rules import RulesCache
from tests.sync_api.running import change, now

ASKED = """SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'foresync_api' AND query LIKE %s
           AND datname = current_database())"""
PATIENCE = 5.0  # seconds; only what fails waits for so long


class Spent:
    """What the push before came of: notes when it goes."""

    def __init__(self, gone: Callable[[], None]) -> None:
        self.gone = gone

    def __del__(self) -> None:
        self.gone()


async def test_the_server_works_once_its_questions_have_left(
    database_url: str, api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes are named, and spent ones freed, while PostgreSQL reads; the answer is made while it writes."""
    ensure_tenant(database_url, "overlapping")
    seen: dict[str, bool] = {}

    def look(what: str, asked: str) -> None:
        until = time.monotonic() + PATIENCE
        with psycopg.connect(database_url, autocommit=True) as watcher:
            while what not in seen or (not seen[what] and time.monotonic() < until):
                row = watcher.execute(ASKED, (f"%{asked}%",)).fetchone()
                seen[what] = bool(row and row[0])

    class Watched(service.Batch):
        def name(self) -> None:
            if not self.changes:
                look("named", "push_read")
            super().name()

    class Told(Answer):
        def encode(self, server_time: datetime) -> bytes:
            look("told", "push_write")
            return super().encode(server_time)

    monkeypatch.setattr("sync_api.push.fold.Answer", Told)
    pool = open_pool(api_url, size=1)
    engine = service.Engine(pool, RulesCache(), Months())
    engine.spent[:] = [Spent(lambda: look("freed", "push_read"))]
    queue = [change("create", data={"n": n}) for n in range(3)]
    body = decode.push(orjson.dumps({"device_id": "d", "client_time": now(), "changes": queue}))
    sender = Sender("ann", ids.uuid7(), "s", datetime.now(UTC), body.envelope, body.size, body.size, 0.0)
    batch = service.batch("overlapping", sender, body.changes)
    (answer,) = await service.take(engine, "overlapping", [Watched(batch.sender, batch.meant)])
    await pool.close()
    assert len(answer.lists["applied"]) == 3
    assert seen == {"named": True, "freed": True, "told": True}
    assert answer.encoded is not None
