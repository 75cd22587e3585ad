"""Whether somebody may touch a record now, asked in the transaction that does it."""

from collections.abc import Mapping

from sync_api.db.session import Connection
from sync_api.engine.membership import concerned, permits
from sync_api.engine.values import Json
from sync_api.push import store
from web.auth import Caller
from web.problems import Problem


async def check(connection: Connection, who: Caller, project: str | None, data: Mapping[str, Json]) -> None:
    """Problem 403 unless the caller is a member of the record's project, and of the one that `data` would move it to.

    A revocation waits for this transaction. The refusal does not say which project it is.
    """
    named = concerned(project, data)
    if not named:
        return
    projects = {one for one in named if isinstance(one, str)}
    members = await store.members(connection, who.tenant, {who.user}, projects)
    if not permits(members, who.user, project, data):
        raise Problem(403, "not_permitted", "The record is in a project of others", "not a member of the project")
