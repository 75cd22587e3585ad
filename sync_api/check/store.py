"""What a check reads beside what a push reads. No decision is made here."""

from sync_api.db.session import Connection

HEAD = "SELECT seq FROM sync.tenant_clock WHERE tenant_id = $1"
PROJECTS = "SELECT project_id FROM sync.project_member WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL"


async def head(connection: Connection, tenant: str) -> int:
    """The seq that the answer holds for."""
    return int(await connection.fetchval(HEAD, tenant))


async def projects(connection: Connection, tenant: str, user: str) -> list[str]:
    """Those that the user is a member of."""
    return [row[0] for row in await connection.fetch(PROJECTS, tenant, user)]
