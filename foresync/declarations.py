"""Entity types and policies as an operator sets them: `foresync entity-types load`, `foresync policy set`."""

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foresync.access import Token, Url, access, plain_errors

if TYPE_CHECKING:
    from foresync.client import SyncClient

# the kinds of record of a history that comes from a repository: the sample's, and what `import-git` makes
HISTORY_TYPES = Path(__file__).parents[1] / "sample_data" / "entity_types.toml"

Tenant = Annotated[str, typer.Option(help="Whose.")]

app = typer.Typer()
policy_app = typer.Typer(help="A tenant's conflict policies.", no_args_is_help=True)
entity_types_app = typer.Typer(help="A tenant's own entity types.", no_args_is_help=True)
app.add_typer(policy_app, name="policy")
app.add_typer(entity_types_app, name="entity-types")


class DeclarationError(ValueError):
    """The file does not declare entity types."""


def read_declarations(path: Path) -> dict[str, dict[str, Any]]:
    """Name → declaration, from a TOML (a table a type) or JSON file. Raises DeclarationError, OSError."""
    content = path.read_bytes()
    try:
        declared = json.loads(content) if path.suffix == ".json" else tomllib.loads(content.decode())
    except ValueError as error:
        raise DeclarationError(f"{path}: {error}") from error
    if not isinstance(declared, dict) or not all(isinstance(one, dict) for one in declared.values()):
        raise DeclarationError(f"{path}: one table for each entity type, and nothing else")
    return declared


def load_entity_types(client: "SyncClient", path: Path) -> list[str]:
    """Declare every type in the file and return their names; the server complains of a bad one."""
    declarations = read_declarations(path)
    for name, declaration in declarations.items():
        client.put_entity_type(name, declaration)
    return list(declarations)


@entity_types_app.command("load")
def load_command(
    file: Annotated[Path, typer.Argument(help="TOML or JSON, one table for each type.", exists=True, dir_okay=False)],
    tenant: Tenant,
    url: Url = None,
    token: Token = None,
) -> None:
    """Declare the entity types in FILE for a tenant; declaring one again replaces it."""
    from foresync.client import SyncClient

    with plain_errors():
        server = access(url, token, tenant, ("admin",))
        with SyncClient(server.url, server.token) as client:
            typer.echo(f"{tenant}: {', '.join(load_entity_types(client, file))}")


@policy_app.command("set")
def set_command(
    strategy: Annotated[str, typer.Argument(help="client_wins, server_wins, most_recent_wins, manual, …")],
    tenant: Tenant,
    entity: Annotated[str, typer.Option(help="An entity type; `*` is the tenant's default.")] = "*",
    url: Url = None,
    token: Token = None,
) -> None:
    """Set how a tenant settles collisions."""
    from foresync.client import SyncClient

    with plain_errors():
        server = access(url, token, tenant, ("admin",))
        with SyncClient(server.url, server.token) as client:
            policy = client.put_policy(entity, strategy)
    typer.echo(f"{tenant}: {policy.entity} is {policy.strategy}, version {policy.version}")
