"""Which server a command speaks to, and as whom: what the user says, else this checkout's own platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from foresync.client import SyncError

Url = Annotated[
    str | None,
    typer.Option("--url", envvar="FORESYNC_API_URL", help="The sync API's address; default: the platform's."),
]
Token = Annotated[
    str | None,
    typer.Option("--token", envvar="FORESYNC_TOKEN", help="A bearer token; default: the platform signs one."),
]


@dataclass(frozen=True, slots=True)
class Access:
    url: str
    token: str


def access(url: str | None, token: str | None, tenant: str, scopes: tuple[str, ...]) -> Access:
    """Where to go and with what.

    Without a token the platform signs one for `tenant`, which is made if it is new; PlatformError where there is none.
    """
    from foresync.platform import Platform, State  # not needed by who brings address and token

    if url and token:
        return Access(url, token)
    platform = Platform.find(State.find())
    return Access(url or platform.urls.api, token or platform.token(tenant, "foresync", scopes))


def state_folder() -> Path:
    """Where a command may remember things."""
    from foresync.platform import State

    return State.find().folder


@contextmanager
def readable_errors(console: Console) -> Iterator[None]:
    """Show what the user can act on as one line, without a traceback, and exit with 1."""
    from foresync.platform import PlatformError

    try:
        yield
    except (PlatformError, SyncError, ValueError, OSError) as error:
        console.print(f"[red]{escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
