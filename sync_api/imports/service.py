"""Take a history: pushes and presence interleaved as they happened, in one transaction, through the same fold.

The order of items is the order of seq, so that whatever is asked as of a seq sees what was there at that time.
"""

import time
from collections.abc import Sequence
from uuid import UUID

import orjson

from sync_api import ids
from sync_api.db.session import as_tenant, retried
from sync_api.engine import clock
from sync_api.imports import store
from sync_api.imports.schemas import Item, PresenceItem, PushItem
from sync_api.push import decode
from sync_api.push import store as push_store
from sync_api.push.prepare import Sender
from sync_api.push.service import Batch, Engine, batch, begin
from web.problems import Problem


async def take(engine: Engine, tenant: str, items: Sequence[Item]) -> list[bytes]:
    """The result of each item, as JSON. All are taken, or none."""
    batches = {at: _batch(tenant, item) for at, item in enumerate(items) if isinstance(item, PushItem)}
    presence = [item for item in items if isinstance(item, PresenceItem)]
    for event in presence:
        _check(event)

    async def attempt() -> list[bytes]:
        await engine.months.ensure(engine.pool, {one.sender.received_at for one in batches.values()})
        async with as_tenant(engine.pool, tenant) as connection:
            fold = await begin(engine, connection, tenant, list(batches.values()))
            seen = await store.known(connection, tenant, [event.id for event in presence]) if presence else set()
            results: list[bytes] = []
            recorded: list[tuple[int, PresenceItem]] = []
            for at, item in enumerate(items):
                if isinstance(item, PresenceItem):
                    results.append(_presence_result(item, seen))
                    if item.id not in seen:
                        recorded.append((fold.writes.tick(), item))
                        seen.add(item.id)
                else:
                    answer = fold.push(batches[at].sender, batches[at].changes)
                    results.append(b'{"kind":"push","answer":%b}' % answer.encode(batches[at].sender.received_at))
            writes = fold.finish()
            await push_store.write(connection, tenant, writes)
            if recorded:
                await store.write_presence(connection, tenant, writes.length, recorded)
            return results

    return await retried(attempt)


def _batch(tenant: str, item: PushItem) -> Batch:
    understood = decode.push(bytes(item.push))
    if not decode.is_storable(item.user_id):
        raise _unstorable()
    sync_id = ids.uuid7()
    sender = Sender(
        user=item.user_id,
        sync_id=sync_id,
        session_id=understood.envelope.sync_session_id or sync_id,
        received_at=clock.storable(item.received_at),
        envelope=understood.envelope,
        size=understood.size,
        wire_size=understood.size,
        started=time.perf_counter(),
        kind="import",
    )
    return batch(tenant, sender, understood.changes)


def _check(event: PresenceItem) -> None:
    texts = (event.user_id, event.device_id, event.entity, event.entity_id, *event.fields)
    if not all(decode.is_storable(text) and "\x1f" not in text for text in texts):
        raise _unstorable()


def _unstorable() -> Problem:
    return Problem(
        422, "validation_error", "The request is not valid", "a name holds a character that cannot be stored"
    )


def _presence_result(item: PresenceItem, seen: set[UUID]) -> bytes:
    return orjson.dumps({"kind": "presence", "status": "replayed" if item.id in seen else "recorded"})
