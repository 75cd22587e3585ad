"""`GET /sync/stream`: from a request to an open stream that knows what its client has missed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from sync_api import openapi
from sync_api.db.session import as_tenant, retried
from sync_api.pull import service
from sync_api.pull.routes import LARGEST_SEQ, READING
from sync_api.push.routes import sync_headers
from sync_api.push.service import Engine
from sync_api.stream import events, store
from sync_api.stream.documented import STREAMED
from sync_api.stream.hub import Hub
from sync_api.stream.listener import MOST_WAITING, Listener
from sync_api.stream.response import EventStream
from sync_api.tenancy import unknown_tenant
from sync_api.warnings import store as warnings
from web.auth import Caller, caller

router = APIRouter(prefix="/api/v1/sync", tags=["sync"])

TOO_MANY = {429: "Too many streams are open, of this user or on this server. Come back after `Retry-After`."}
Position = Annotated[int | None, Query(ge=0, le=LARGEST_SEQ, description="`next` of the last page that you have read.")]
LastEventId = Annotated[
    int | None, Header(ge=0, le=LARGEST_SEQ, description="The `id` of the last event that you have seen.")
]
Epoch = Annotated[UUID | None, Query(description="The epoch of the last page, so that a restore is noticed.")]


@router.get(
    "/stream",
    operation_id="stream",
    summary="Be poked when there is something to pull",
    status_code=200,
    response_class=EventStream,
    responses=STREAMED | openapi.problems(READING | TOO_MANY),
)
async def stream(
    request: Request,
    who: Annotated[Caller, Depends(caller("sync"))],
    since: Position = None,
    epoch: Epoch = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Server-sent events that say that there is something to fetch, never what. `poke {head}`: pull. `conflict
    {conflict_id, entity, server_id, status}`: a change of yours waits, or somebody has settled it. `warning {edit_id,
    …}`: what others do has made a conflict of your open edit likely; once for an edit. `resync {reason}`: epoch,
    horizon, position: read everything again; overrun: list your conflicts. `end {reason}`: come back. `id` is a place
    in the tenant's order: say the last one as `Last-Event-ID` (else `since`), and what you missed comes at once.
    """
    hub: Hub = request.app.state.hub
    hub.admit(who)
    told = since if last_event_id is None else last_event_id
    listener = await _listener(request.app.state.engine, who, told, epoch)
    hub.admit(who)  # once more: others have come meanwhile
    hub.join(listener, told)
    return EventStream(hub, listener, expires_at=who.expires_at, headers=sync_headers(None))


async def _listener(engine: Engine, who: Caller, since: int | None, epoch: UUID | None) -> Listener:
    """A listener that has been told everything up to now: what the client has missed waits to be sent."""

    async def attempt() -> Listener:
        async with as_tenant(engine.pool, who.tenant) as connection:
            found = await store.head(connection, who.tenant)
            if found is None:
                raise unknown_tenant(who.tenant)
            listener = Listener(who.tenant, who.user, found)
            if (reason := service.unreachable(found, since or 0, epoch)) is not None:
                listener.tell(events.resync(reason))
            elif since is not None:
                for missed in (store.missed, warnings.missed):
                    for one in await missed(connection, who.tenant, who.user, since, found.head, MOST_WAITING + 1):
                        listener.tell(one.event)
            if since is None or found.feed > since:
                listener.tell(events.poke(found.head))
            return listener

    return await retried(attempt)
