"""`/projects/{id}/members`: who may see and write the records of a project. Scope admin.

A record belongs to the project that its field `project_id` names. One without a project is the whole tenant's; one with
a project is its members' alone, so that a project nobody was let into is closed to everybody.
"""

from datetime import UTC, datetime
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from sync_api import openapi
from sync_api.db.session import as_tenant, retried
from sync_api.projects import store
from sync_api.push.service import Engine
from sync_api.tenancy import config_version
from web.auth import Caller, caller
from web.problems import Problem

router = APIRouter(prefix="/api/v1/projects", tags=["projects"])

PRINTABLE = r"^[^\x00-\x1f\x7f/]+$"
Project = Annotated[str, Path(max_length=200, pattern=PRINTABLE)]
User = Annotated[str, Path(max_length=200, pattern=PRINTABLE)]
PROBLEMS = {
    401: "No valid token.",
    403: "The token or the tenant does not allow this.",
    422: "A name is not valid.",
    503: "Away or busy. Try again.",
}


class MemberOut(BaseModel):
    """A user's membership of a project."""

    project_id: str
    user_id: str
    granted_at: datetime
    revoked_at: datetime | None = Field(description="null for a member; else when that ended.")
    seq: int = Field(description="The feed's position at which the user has been told of it.")


class MembersOut(BaseModel):
    """Everybody who is or was a member of a project."""

    members: list[MemberOut]


@router.put("/{project}/members/{user}", operation_id="grant_member", responses=openapi.problems(PROBLEMS))
async def grant(
    request: Request, project: Project, user: User, who: Annotated[Caller, Depends(caller("admin"))]
) -> MemberOut:
    """Let a user into a project. Its records appear in the user's feed. Doing it again changes nothing."""
    member = await _changed(request.app.state.engine, who, store.grant, project, user)
    assert member is not None
    return MemberOut.model_validate(dict(member))


@router.delete(
    "/{project}/members/{user}",
    operation_id="revoke_member",
    responses=openapi.problems(PROBLEMS | {404: "The user never was a member."}),
)
async def revoke(
    request: Request, project: Project, user: User, who: Annotated[Caller, Depends(caller("admin"))]
) -> MemberOut:
    """End a membership. The user's feed answers `remove` for the project's records, and pushes to them are rejected."""
    member = await _changed(request.app.state.engine, who, store.revoke, project, user)
    if member is None:
        raise Problem(404, "member_not_found", "This user never was a member of this project", user)
    return MemberOut.model_validate(dict(member))


@router.get("/{project}/members", operation_id="list_members", responses=openapi.problems(PROBLEMS))
async def members(request: Request, project: Project, who: Annotated[Caller, Depends(caller("admin"))]) -> MembersOut:
    """Everybody who is or was a member of the project."""
    engine: Engine = request.app.state.engine

    async def attempt() -> list[asyncpg.Record]:
        async with as_tenant(engine.pool, who.tenant) as connection:
            await config_version(connection, who.tenant)
            return await store.members(connection, who.tenant, project)

    return MembersOut(members=[MemberOut.model_validate(dict(row)) for row in await retried(attempt)])


async def _changed(engine: Engine, who: Caller, change: store.Change, project: str, user: str) -> asyncpg.Record | None:
    at = datetime.now(UTC)

    async def attempt() -> asyncpg.Record | None:
        async with as_tenant(engine.pool, who.tenant) as connection:
            await config_version(connection, who.tenant)
            return await change(connection, who.tenant, project, user, at)

    return await retried(attempt)
