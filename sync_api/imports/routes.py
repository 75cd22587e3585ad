"""`POST /import/batch` and the anchors that keep a replayed history where it was first put."""

import json
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response

from sync_api import bodies, openapi
from sync_api.db.session import as_tenant, retried
from sync_api.engine import clock
from sync_api.imports import service, store
from sync_api.imports.schemas import AnchorIn, BatchDoc, BatchIn, ResultsDoc
from sync_api.push.decode import complaint
from sync_api.push.routes import sync_headers
from sync_api.push.service import Engine
from sync_api.tenancy import config_version
from web.auth import Caller, caller

router = APIRouter(prefix="/api/v1/import", tags=["import"])
_decoder = msgspec.json.Decoder(BatchIn)


@router.post(
    "/batch",
    operation_id="import_batch",
    response_model=ResultsDoc,
    responses=openapi.PROBLEMS,
    openapi_extra=openapi.body(BatchDoc),
)
async def import_batch(request: Request, who: Annotated[Caller, Depends(caller("import"))]) -> Response:
    """Take up to 500 items in order, all or none. Sending the same again adds nothing and answers the same."""
    items = bodies.decode(_decoder, await request.body()).items
    results = await service.take(request.app.state.engine, who.tenant, items)
    body = b'{"results":[%b]}' % b",".join(results)
    return Response(body, media_type="application/json", headers=sync_headers(None))


@router.put("/anchors/{source_digest}", operation_id="put_anchor", responses=openapi.PROBLEMS)
async def put_anchor(
    request: Request,
    source_digest: Annotated[str, Path(max_length=200, pattern=r"^[A-Za-z0-9:._-]+$")],
    anchor: AnchorIn,
    who: Annotated[Caller, Depends(caller("import"))],
) -> AnchorIn:
    """The first write wins; every later one is answered with what is stored."""
    if (wrong := complaint(anchor.mapping)) is not None:
        raise bodies.invalid(f"mapping: {wrong}")
    engine: Engine = request.app.state.engine
    anchor_at = clock.storable(anchor.anchor_at if anchor.anchor_at.tzinfo else anchor.anchor_at.replace(tzinfo=UTC))

    async def attempt() -> AnchorIn:
        async with as_tenant(engine.pool, who.tenant) as connection:
            await config_version(connection, who.tenant)
            row = await store.anchor(connection, who.tenant, source_digest, anchor_at, anchor.mapping)
            at: datetime = row["anchor_at"]
            return AnchorIn(anchor_at=at, mapping=json.loads(row["mapping"]))

    return await retried(attempt)
