"""Who may see a conflict and settle it: whose change it is, as long as they may see the record, or an operator."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sync_api.conflicts import store
from sync_api.db.session import Connection
from sync_api.engine.values import Json
from sync_api.projects import access
from sync_api.tenancy import config_version
from web.auth import Caller
from web.problems import Problem

OPERATE = "operate"


async def conflict(connection: Connection, who: Caller, conflict_id: UUID) -> Any:
    """The conflict's row. Problem 404 when there is none, 403 when it is another user's or there is no such tenant."""
    row = await store.one(connection, who.tenant, conflict_id)
    if row is None:
        await config_version(connection, who.tenant)
        raise Problem(404, "conflict_not_found", "There is no such conflict", str(conflict_id))
    if row["user_id"] != who.user and OPERATE not in who.scopes:
        raise Problem(403, "insufficient_scope", "The token does not allow this", "another user's conflict: operate")
    return row


async def check(connection: Connection, who: Caller, project: str | None, data: Mapping[str, Json]) -> None:
    """Problem 403 unless the caller may touch the record and move it to where `data` says, or is an operator."""
    if OPERATE not in who.scopes:
        await access.check(connection, who, project, data)
