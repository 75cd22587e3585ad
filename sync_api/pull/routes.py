"""`GET /sync/changes` and `GET /sync/digest`. What is read, and how: next door."""

from typing import Annotated
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from sync_api import openapi
from sync_api.db.session import retried
from sync_api.pull import digest as digests
from sync_api.pull import service
from sync_api.pull.schemas import ChangesOut, DigestOut
from sync_api.push.routes import sync_headers
from sync_api.push.service import Engine
from sync_api.tenancy import unknown_tenant
from web.auth import Caller, caller

LARGEST_SEQ = 2**63 - 1
MOST_CHANGES = 2000
USUAL_CHANGES = 500

router = APIRouter(prefix="/api/v1/sync", tags=["sync"])
_sync = caller("sync")

READING = {
    401: "No valid token.",
    403: "The token or the tenant does not allow this.",
    422: "A parameter is not valid.",
    503: "Away or busy. Try again.",
}
RESYNC = {410: "The feed cannot tell everything since then: read again from 0, and keep what is unsent."}

ENTITIES = r"^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$"
Since = Annotated[int, Query(ge=0, le=LARGEST_SEQ, description="`next` of the last page; 0 to begin.")]
Entities = Annotated[
    str | None,
    Query(
        max_length=4000,
        pattern=ENTITIES,
        description="Only these entity types, separated by commas.",
        examples=["task,permit"],
    ),
]
Epoch = Annotated[UUID | None, Query(description="The epoch of the last page, so that a restore is noticed.")]
Begun = Annotated[
    int | None, Query(ge=0, le=LARGEST_SEQ, description="`begun` of the last page, when that was not null.")
]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of `changes`, for `changes_shortly`."""

    since: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_SEQ)] = 0
    entities: Annotated[str, msgspec.Meta(max_length=4000, pattern=ENTITIES)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_CHANGES)] = USUAL_CHANGES
    epoch: UUID | None = None
    begun: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_SEQ)] | None = None


@router.get(
    "/changes",
    operation_id="changes",
    summary="Pull what has changed",
    response_model=ChangesOut,
    responses=openapi.problems(READING | RESYNC),
)
async def changes(
    request: Request,
    who: Annotated[Caller, Depends(_sync)],
    since: Since = 0,
    entities: Entities = None,
    limit: Annotated[int, Query(ge=1, le=MOST_CHANGES)] = USUAL_CHANGES,
    epoch: Epoch = None,
    begun: Begun = None,
) -> Response:
    """The latest state of every record that you may see, in the order of commits. A page is full unless it is the
    last, or its records are very large. A client that filters by entity type keeps one position for that filter."""
    wanted = entities.split(",") if entities else None
    page = await service.page(request.app.state.engine, who, since, wanted, limit, epoch, begun)
    return Response(page, media_type="application/json", headers=sync_headers(None))


async def changes_shortly(request: Request) -> Response | None:
    """The same, for `Shortcuts`. None: the parameters are not as they should be, or not as they usually are."""
    who = await _sync(request)
    named = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    try:
        asked = msgspec.convert(dict(named), Asked, strict=False)
    except msgspec.ValidationError:
        return None
    if len(named) != len({name for name, _ in named}):
        return None
    return await changes(request, who, asked.since, asked.entities, asked.limit, asked.epoch, asked.begun)


@router.get(
    "/digest",
    operation_id="digest",
    summary="Prove a replica equal",
    responses=openapi.problems(READING),
)
async def digest(
    request: Request,
    who: Annotated[Caller, Depends(caller("sync"))],
    entity: Annotated[str, Query(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")],
) -> DigestOut:
    """SHA-256 over the records of an entity type that you may see: the RFC 8785 JSON of the array of
    `{"data", "id", "version"}`, deleted records left out, ordered by id by code point."""
    engine: Engine = request.app.state.engine
    found = await retried(lambda: digests.digest(engine.pool, who.tenant, who.user, entity))
    if found is None:
        raise unknown_tenant(who.tenant)
    return DigestOut(entity=entity, count=found.count, sha256=found.sha256, seq=found.seq, epoch=found.epoch)
