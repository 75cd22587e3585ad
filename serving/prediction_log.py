"""What was said, kept for those who measure it. Never in the way of an answer.

Rows wait in a bounded buffer and are written in batches by a task of its own, over a connection of its own. What
does not fit is dropped and counted; so is what PostgreSQL refuses.
"""

import asyncio
import itertools
import logging
import os
import time
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
INSERT = """
INSERT INTO sync.prediction_log (
  tenant_id, prediction_id, model_type, model_version, user_id, device_id, entity_type, entity_id, moment, asked_at,
  as_of_seq, edit_id, conflict_probability, threshold, predicted_conflict, features_json, arm, latency_ms)
SELECT $1::text, * FROM unnest(
  $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[],
  $11::bigint[], $12::uuid[], $13::float8[], $14::float8[], $15::bool[], $16::jsonb[], $17::text[], $18::float8[])
ON CONFLICT (tenant_id, prediction_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Row:
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
    request: dict[str, Any]
    arm: str
    latency_ms: float

    def columns(self) -> tuple[Any, ...]:
        """In the order of INSERT, without the tenant."""
        seen = orjson.dumps({"features": self.features, "request": self.request}).decode()
        return (
            self.prediction_id, self.model_type, self.model_version, self.user, self.device, self.entity_type,
            self.entity_id, self.moment, self.asked_at, self.as_of_seq, self.edit_id, self.probability,
            self.threshold, self.predicted_conflict, seen, self.arm, self.latency_ms,
        )  # fmt: skip


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
        self._metrics.log_waiting.set(len(self._waiting))
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
                    await held.execute(INSERT, tenant, *map(list, zip(*(row.columns() for row in rows), strict=True)))
            return len(batch)
        except database.REFUSED:
            if len(batch) > 1:
                return sum([await self._insert([row]) for row in batch])
            logger.exception("prediction %s cannot be logged", batch[0].prediction_id)
            return 0


def _tenant(row: Row) -> str:
    return row.tenant


def new_id() -> uuid.UUID:
    """A version 7 UUID: ordered by time, so that the table's index grows at one end."""
    moment = time.time_ns() // 1_000_000
    value = (moment << 80) | int.from_bytes(os.urandom(10))
    value = (value & ~(0xF << 76)) | (7 << 76)
    return uuid.UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))
