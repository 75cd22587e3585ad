"""`/conflicts`: list, look, settle. Own conflicts with the scope `sync`, everybody's with `operate`.

Changes that were `blocked` behind a conflict were never stored: they are the client's to send again once it is settled.
"""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from sync_api import bodies, openapi
from sync_api.conflicts import cursor, service, store, told
from sync_api.conflicts.schemas import (
    ConflictsDoc,
    ConflictWhole,
    Detection,
    MovedDoc,
    ResolvedDoc,
    ResolveDoc,
    ResolveIn,
    ResolveManyDoc,
    ResolveManyIn,
    ResultsDoc,
    Severity,
    Status,
)
from sync_api.db.session import as_tenant, retried
from sync_api.engine import clock
from sync_api.push import decode
from sync_api.push.service import Engine
from sync_api.tenancy import config_version
from web.auth import Caller, caller
from web.problems import Problem

router = APIRouter(prefix="/api/v1/conflicts", tags=["conflicts"])

_one = msgspec.json.Decoder(ResolveIn)
_many = msgspec.json.Decoder(ResolveManyIn)
Name = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]+$")]
NOT_FOUND = openapi.problems({404: "There is no such conflict."})
TOO_LATE = openapi.problems({409: "The server has moved on, or the conflict was settled otherwise."}, MovedDoc)


async def _either(who: Annotated[Caller, Depends(caller())]) -> Caller:
    """A caller who may see conflicts at all."""
    if not who.scopes & {"sync", "operate"}:
        raise Problem(403, "insufficient_scope", "The token does not allow this", "missing scope: sync or operate")
    return who


Either = Annotated[Caller, Depends(_either)]


@router.get("", operation_id="list_conflicts", response_model=ConflictsDoc, responses=openapi.PROBLEMS)
async def list_conflicts(
    request: Request,
    who: Either,
    status: Status | None = None,
    entity: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]+$")] = None,
    entity_id: Name = None,
    severity: Severity | None = None,
    detection: Detection | None = None,
    user: Annotated[Name, Query(description="Whose changes. Others' than one's own need `operate`.")] = None,
    since: Annotated[datetime | None, Query(description="Found at or after this moment.")] = None,
    after: Annotated[str | None, Query(max_length=200, description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The conflicts of one's own changes, or, with `operate`, of everybody's; newest first."""
    if "operate" not in who.scopes:
        if user not in (None, who.user):
            raise Problem(403, "insufficient_scope", "The token does not allow this", "others' conflicts: operate")
        user = who.user
    since = clock.storable(since if since.tzinfo else since.replace(tzinfo=UTC)) if since else None
    filters = store.Filters(status, entity, entity_id, severity, detection, user, since)
    engine: Engine = request.app.state.engine

    async def attempt() -> list[Any]:
        async with as_tenant(engine.pool, who.tenant) as connection:
            await config_version(connection, who.tenant)
            return list(await store.page(connection, who.tenant, filters, cursor.place(after), limit + 1))

    rows = await retried(attempt)
    page = rows[:limit]
    return _json(
        {
            "conflicts": [told.in_list(row) for row in page],
            "next": cursor.after(page[-1]) if len(rows) > limit else None,
        }
    )


@router.get(
    "/{conflict_id}",
    operation_id="get_conflict",
    response_model=ConflictWhole,
    responses=openapi.PROBLEMS | NOT_FOUND,
)
async def get_conflict(request: Request, conflict_id: UUID, who: Either) -> Response:
    """Base, mine and theirs of every disputed field, as they stand now, with the history of its decisions."""
    return _json(await service.detail(request.app.state.engine, who, conflict_id))


@router.post(
    "/{conflict_id}/resolve",
    operation_id="resolve_conflict",
    response_model=ResolvedDoc,
    responses=openapi.PROBLEMS | NOT_FOUND | TOO_LATE,
    openapi_extra=openapi.body(ResolveDoc),
)
async def resolve_conflict(request: Request, conflict_id: UUID, who: Either) -> Response:
    """Settle an open conflict, provided that the record is still at `expected_version`.

    Changes that were `blocked` behind it were never stored: send them again afterwards.
    """
    decided = _decided(bodies.decode(_one, await request.body()))
    return _json(await service.resolve(request.app.state.engine, who, conflict_id, decided))


@router.post(
    "/resolve",
    operation_id="resolve_conflicts",
    response_model=ResultsDoc,
    responses=openapi.PROBLEMS,
    openapi_extra=openapi.body(ResolveManyDoc),
)
async def resolve_conflicts(request: Request, who: Either) -> Response:
    """Settle several, in order, each in a transaction of its own: a result for each."""
    results = []
    for item in bodies.decode(_many, await request.body()).items:
        resolution = problem = None
        try:
            resolution = await service.resolve(request.app.state.engine, who, item.conflict_id, _decided(item))
        except Problem as met:
            if met.code == "unknown_tenant":
                raise
            problem = met.body()
        results.append({"conflict_id": str(item.conflict_id), "resolution": resolution, "problem": problem})
    return _json({"results": results})


def _decided(asked: ResolveIn) -> service.Decided:
    if asked.value is not None:
        if asked.choice != "merge":
            raise bodies.invalid("value: only a merge takes one")
        if complaint := decode.complaint(asked.value):
            raise bodies.invalid(complaint)
    return service.Decided(asked.choice, asked.value, asked.expected_version)


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
