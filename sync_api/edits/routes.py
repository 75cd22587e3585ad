"""`/edits`: an edit is announced, kept open and closed by its own user. A push that names it closes it too."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from sync_api import bodies, openapi
from sync_api.edits import service
from sync_api.edits.presence import Edit
from sync_api.edits.risk import Risk, RiskServer
from sync_api.edits.schemas import EditDoc, OpenDoc, OpenIn, RenewDoc, RenewIn
from sync_api.engine import clock
from sync_api.push.decode import is_storable
from web.auth import Caller, caller

router = APIRouter(prefix="/api/v1/edits", tags=["presence"])

_open = msgspec.json.Decoder(OpenIn)
_renew = msgspec.json.Decoder(RenewIn)
MaySync = Annotated[Caller, Depends(caller("sync"))]
PROBLEMS = openapi.PROBLEMS | openapi.problems({404: "There is no such edit, or no such entity type."})
TAKEN = openapi.problems({409: "The edit is closed, or its id names an edit of another record."})


@router.post(
    "",
    operation_id="open_edit",
    response_model=EditDoc,
    responses=PROBLEMS | TAKEN,
    openapi_extra=openapi.body(OpenDoc),
)
async def open_edit(request: Request, who: MaySync) -> Response:
    """Somebody begins to edit a record. Answers with the risk that it ends in a conflict, if that is known."""
    asked = bodies.decode(_open, await request.body())
    _check((asked.entity, asked.server_id, asked.device_id, *asked.fields))
    edit = await service.open_edit(request.app.state.engine, who, asked)
    return _told(edit, await _risk(request, who, edit, "edit_start"))


@router.put(
    "/{edit_id}",
    operation_id="renew_edit",
    response_model=EditDoc,
    responses=PROBLEMS | TAKEN,
    openapi_extra=openapi.body(RenewDoc),
)
async def renew_edit(request: Request, edit_id: UUID, who: MaySync) -> Response:
    """It is still open: ask again, say which fields it touches."""
    asked = bodies.decode(_renew, await request.body())
    _check(asked.fields)
    edit = await service.renew(request.app.state.engine, who, edit_id, asked)
    return _told(edit, await _risk(request, who, edit, "edit_open"))


@router.delete("/{edit_id}", operation_id="close_edit", response_model=EditDoc, responses=PROBLEMS)
async def close_edit(request: Request, edit_id: UUID, who: MaySync) -> Response:
    """It is over, with or without a change."""
    return _told(await service.close(request.app.state.engine, who, edit_id), None)


async def _risk(request: Request, who: Caller, edit: Edit, moment: str) -> Risk | None:
    if "predict" not in who.scopes or edit.event == "closed":
        return None
    server: RiskServer = request.app.state.risk
    return await server.ask(edit, moment, request.headers["authorization"])


def _check(texts: tuple[str, ...] | list[str]) -> None:
    if not all(map(is_storable, texts)):
        raise bodies.invalid("a name holds a character that cannot be stored")


def _told(edit: Edit, risk: Risk | None) -> Response:
    told = {
        "edit_id": edit.edit_id,
        "status": "closed" if edit.event == "closed" else "open",
        "entity": edit.entity_type,
        "server_id": edit.entity_id,
        "device_id": edit.device_id,
        "base_version": edit.base_version,
        "fields": edit.fields,
        "expires_at": clock.text(edit.expires_at),
        "risk": risk,
    }
    return Response(msgspec.json.encode(told), media_type="application/json")
