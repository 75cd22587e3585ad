"""`foresync watch`: a tenant's event stream, as it comes."""

import json
from typing import Annotated

import typer

from foresync.access import Token, Url, access, plain_errors

app = typer.Typer()


@app.command()
def watch(
    tenant: Annotated[str, typer.Option(help="Whose.")],
    user: Annotated[str, typer.Option(help="Of whose conflicts and open edits to hear.")] = "foresync",
    since: Annotated[int | None, typer.Option(min=0, help="Also what has been missed since this position.")] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Print what a user's devices are told (pokes, conflicts, warnings), a line an event, until Ctrl-C."""
    from foresync.client import SyncClient

    with plain_errors():
        server = access(url, token, tenant, ("sync",), user)
        with SyncClient(server.url, server.token) as client:
            for event in client.listen(since):
                typer.echo(f"{event.event} {json.dumps(event.data)}")
