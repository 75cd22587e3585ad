"""`POST /sync/push`, under its two names. Decoding, deciding and storing are next door."""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from sync_api import ids, openapi
from sync_api.engine import clock
from sync_api.push import decode, service
from sync_api.push.documented import AnswerDoc, PushDoc
from sync_api.push.prepare import Sender
from web.auth import Caller, caller

# How many changes a device should send at once: what is lost with a broken connection is sent again.
BATCH_SIZES = {"excellent": 500, "good": 100, "fair": 50, "poor": 20, "offline": 10}
USUAL_BATCH = 100

router = APIRouter(tags=["sync"])
_sync = caller("sync")


@router.post(
    "/api/v1/sync/push",
    operation_id="push",
    summary="Push offline changes",
    response_model=AnswerDoc,
    responses=openapi.PROBLEMS,
    openapi_extra=openapi.body(PushDoc),
)
@router.post("/ptw/sync-offline-data", include_in_schema=False)
async def push(request: Request, who: Annotated[Caller, Depends(_sync)]) -> Response:
    """Every change gets exactly one verdict; one bad change never blocks the others; sending again is safe."""
    received_at, started = datetime.now(UTC), time.perf_counter()
    understood = decode.push(await request.body())
    sync_id = ids.uuid7()
    sender = Sender(
        user=who.user,
        sync_id=sync_id,
        session_id=understood.envelope.sync_session_id or sync_id,
        received_at=received_at,
        envelope=understood.envelope,
        size=understood.size,
        wire_size=request.state.wire_bytes,
        started=started,
    )
    engine: service.Engine = request.app.state.engine
    batch = service.batch(who.tenant, sender, understood.changes)
    (answer,) = await service.take(engine, who.tenant, [batch])
    engine.spent[:] = batch, answer
    return Response(
        answer.encode(received_at),
        media_type="application/json",
        headers=sync_headers(understood.envelope.network_type),
    )


async def push_shortly(request: Request) -> Response:
    """The same, for `Shortcuts`."""
    return await push(request, await _sync(request))


def sync_headers(network_type: str | None) -> dict[str, str]:
    """What every sync answer says beside its body."""
    return {
        "X-Server-Time": clock.text(datetime.now(UTC)),
        "X-Recommended-Batch-Size": str(BATCH_SIZES.get(network_type or "", USUAL_BATCH)),
    }
