"""Tenants as the operator makes them, and the tokens that name them."""

from datetime import timedelta
from typing import TYPE_CHECKING

from foresync.errors import PlainError

if TYPE_CHECKING:
    import psycopg

DEVELOPMENT_SCOPES = ("sync", "predict", "operate", "import", "admin")


def ensure_tenant(database_url: str, tenant: str) -> None:
    """Make the tenant, with its clock, unless it exists; `database_url` is the owner's connection."""
    with _connected(database_url) as connection:
        # the tables' policies hold for their owner too
        connection.execute("select set_config('foresync.tenant', %s, true)", [tenant])
        for statement in (
            "insert into sync.tenant (tenant_id, name) values (%(tenant)s, %(tenant)s) on conflict do nothing",
            "insert into sync.tenant_clock (tenant_id) values (%(tenant)s) on conflict do nothing",
        ):
            connection.execute(statement, {"tenant": tenant})


def _connected(database_url: str) -> "psycopg.Connection[tuple[object, ...]]":
    import psycopg

    try:
        return psycopg.connect(database_url, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise PlainError(f"the database does not answer ({error}): is the platform up? `foresync status`") from None


def mint_token(
    database_url: str, secret: str, *, tenant: str, user: str, scopes: tuple[str, ...], expires_in: timedelta
) -> str:
    """A signed token for a tenant that exists from now on. ValueError for a name or scope that is not one."""
    from web.tokens import mint

    token = mint(secret, tenant=tenant, user=user, scopes=scopes, expires_in=expires_in)
    ensure_tenant(database_url, tenant)
    return token
