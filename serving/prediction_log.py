"""What was said, kept for those who measure it. Never in the way of an answer.

Rows wait in a bounded buffer and are written in batches by a task of its own, over a connection of its own. What
does not fit is dropped and counted; so is what PostgreSQL refuses.
"""

import asyncio
import itertools
import logging
import os
import random
import time
import uuid
from collections import deque
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson

from serving import database
from serving.metrics import Metrics

logger = logging.getLogger("foresync.serving.log")

BATCH = 500
PAUSE = 0.25  # seconds that rows may wait for company
RETRY = 1.0
DRAIN = 5.0  # seconds that a shutdown waits for the last rows

SET_TENANT = "SELECT set_config('foresync.tenant', $1, true)"
# One parameter for all rows: as an array for each column they cost this process twenty times as much to hand over.
INSERT = """
INSERT INTO sync.prediction_log (
  tenant_id, prediction_id, model_type, model_version, user_id, device_id, entity_type, entity_id, moment, asked_at,
  as_of_seq, edit_id, conflict_probability, threshold, predicted_conflict, features_json, arm, latency_ms)
SELECT $1::text, * FROM json_to_recordset($2::json) AS row (
  prediction_id uuid, model_type text, model_version text, user_id text, device_id text, entity_type text,
  entity_id text, moment text, asked_at timestamptz, as_of_seq bigint, edit_id uuid, conflict_probability float8,
  threshold float8, predicted_conflict bool, features_json jsonb, arm text, latency_ms float8)
ON CONFLICT (tenant_id, prediction_id) DO NOTHING
"""


class Row(NamedTuple):  # a frozen dataclass of so many fields costs several times as much to make
    """One prediction as `sync.prediction_log` keeps it; the probability is the model's own, also when withheld."""

    tenant: str
    prediction_id: uuid.UUID
    model_type: str | None
    model_version: str | None
    user: str
    device: str | None
    entity_type: str
    entity_id: str
    moment: str
    asked_at: datetime
    as_of_seq: int
    edit_id: uuid.UUID | None
    probability: float | None
    threshold: float | None
    predicted_conflict: bool | None
    features: dict[str, float]
    is_hidden: bool
    request: dict[str, Any]
    arm: str
    latency_ms: float

    def columns(self) -> dict[str, Any]:
        """By the names of INSERT, without the tenant."""
        return {
            "prediction_id": self.prediction_id,
            "model_type": self.model_type,
            "model_version": self.model_version,
            "user_id": self.user,
            "device_id": self.device,
            "entity_type": self.entity_type,
            "entity_id": self.entity_id,
            "moment": self.moment,
            "asked_at": self.asked_at,
            "as_of_seq": self.as_of_seq,
            "edit_id": self.edit_id,
            "conflict_probability": self.probability,
            "threshold": self.threshold,
            "predicted_conflict": self.predicted_conflict,
            "features_json": {"features": self.features, "request": self.request, "is_hidden": self.is_hidden},
            "arm": self.arm,
            "latency_ms": self.latency_ms,
        }


class PredictionLog:
    """`put` is for whoever answers; `write` runs beside, until `drain`."""

    def __init__(self, pool: database.Pool, metrics: Metrics, buffer: int) -> None:
        self._pool = pool
        self._waiting: deque[Row] = deque()
        self._room = buffer
        self._metrics = metrics
        self._more = asyncio.Event()
        self._closing = False

    def put(self, row: Row) -> None:
        """Take a row, or drop it when the buffer is full. Returns at once."""
        if len(self._waiting) >= self._room:
            self._metrics.log_rows.labels("dropped").inc()
            return
        self._waiting.append(row)
        self._more.set()

    async def write(self) -> None:
        """Write what comes until closed and drained; keeps what waits while PostgreSQL is away."""
        while self._waiting or not self._closing:
            await self._more.wait()
            if len(self._waiting) < BATCH and not self._closing:
                await asyncio.sleep(PAUSE)
            await self._write_batch()
            if not self._waiting and not self._closing:
                self._more.clear()

    async def drain(self, writer: asyncio.Task[None]) -> None:
        """Write what waits, for at most DRAIN seconds; what is left is dropped and counted."""
        self._closing = True
        self._more.set()
        await asyncio.wait([writer], timeout=DRAIN)
        writer.cancel()
        if self._waiting:
            logger.error("%d predictions were not logged", len(self._waiting))
            self._metrics.log_rows.labels("dropped").inc(len(self._waiting))

    async def _write_batch(self) -> None:
        """Write the oldest rows; they leave the buffer when they are in the table, or refused."""
        self._metrics.log_waiting.set(len(self._waiting))
        batch = list(itertools.islice(self._waiting, BATCH))
        try:
            written = await self._insert(batch)
        except (*database.AWAY, asyncpg.PostgresError) as error:  # whatever it is, it may pass: nothing ends this task
            logger.warning("predictions wait for the database: %r", error)
            await asyncio.sleep(RETRY)
            return
        self._metrics.log_rows.labels("written").inc(written)
        self._metrics.log_rows.labels("dropped").inc(len(batch) - written)
        for _ in batch:
            self._waiting.popleft()
        self._metrics.log_waiting.set(len(self._waiting))

    async def _insert(self, batch: list[Row]) -> int:
        """The number of rows written, in one transaction; one by one when PostgreSQL refuses any of them."""
        try:
            async with self._pool.held() as held, held.transaction():
                for tenant, rows in itertools.groupby(sorted(batch, key=_tenant), key=_tenant):
                    await held.execute(SET_TENANT, tenant)
                    await held.execute(INSERT, tenant, orjson.dumps([row.columns() for row in rows]).decode())
            return len(batch)
        except database.REFUSED:
            if len(batch) > 1:
                return sum([await self._insert([row]) for row in batch])
            logger.exception("prediction %s cannot be logged", batch[0].prediction_id)
            return 0


def _tenant(row: Row) -> str:
    return row.tenant


# Kept to ourselves: asking the operating system each time costs more than the rest of an id. Workers are no forks.
_generator = random.Random(os.urandom(32))  # noqa: S311 - an id is no secret


def new_id() -> uuid.UUID:
    """A version 7 UUID: ordered by time, so that the table's index grows at one end."""
    value = (time.time_ns() // 1_000_000 << 80) | _generator.getrandbits(80)
    value = (value & ~(0xF << 76)) | (7 << 76)
    return uuid.UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))
