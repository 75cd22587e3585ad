"""Whether there is such a tenant. A token may name one that was never made here."""

from sync_api.db.session import Connection
from web.problems import Problem

CONFIG_VERSION = "SELECT config_version FROM sync.tenant WHERE tenant_id = $1"


async def config_version(connection: Connection, tenant: str) -> int:
    """The number of the tenant's configuration: it rises with every type and policy that is set.

    Problem 403 when there is no such tenant.
    """
    found: int | None = await connection.fetchval(CONFIG_VERSION, tenant)
    if found is None:
        raise unknown_tenant(tenant)
    return found


def unknown_tenant(tenant: str) -> Problem:
    return Problem(403, "unknown_tenant", "There is no such tenant", f"{tenant!r} has not been made here")
