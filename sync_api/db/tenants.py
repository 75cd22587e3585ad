"""Make a tenant. Run by the owner of the schema: no server may."""

import psycopg


def ensure_tenant(admin_url: str, tenant: str, name: str | None = None) -> None:
    """Make the tenant and its clock if it is new; a tenant that exists keeps its name."""
    with psycopg.connect(admin_url) as connection:
        connection.execute("SELECT sync.ensure_tenant(%s, %s)", (tenant, name or tenant))
