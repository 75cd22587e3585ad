"""`POST /sync/check`. Decoding, deciding and reading are next door."""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from sync_api import ids, openapi
from sync_api.check import schemas, service
from sync_api.check.documented import CheckAnswerDoc, CheckDoc
from sync_api.push.prepare import Sender
from sync_api.push.routes import sync_headers
from web.auth import Caller, caller

router = APIRouter(tags=["sync"])


@router.post(
    "/api/v1/sync/check",
    operation_id="check",
    summary="Ask what a push would be told now",
    response_model=CheckAnswerDoc,
    responses=openapi.PROBLEMS,
    openapi_extra=openapi.body(CheckDoc),
)
async def check(request: Request, who: Annotated[Caller, Depends(caller("sync"))]) -> Response:
    """The push's envelope with a hash for each value. Nothing is written, nobody is waited for, no value of the server
    is told. Where `exact` is true, a push in this moment gets this verdict."""
    received_at, started = datetime.now(UTC), time.perf_counter()
    understood = schemas.read(await request.body())
    sync_id = ids.uuid7()
    sender = Sender(
        user=who.user,
        sync_id=sync_id,
        session_id=sync_id,
        received_at=received_at,
        envelope=understood.envelope,
        size=understood.size,
        wire_size=request.state.wire_bytes,
        started=started,
    )
    answer = await service.ask(request.app.state.engine, who.tenant, sender, understood.changes)
    return Response(answer, media_type="application/json", headers=sync_headers(understood.envelope.network_type))
