"""Which server a command speaks to, and as whom: what the user says, else this checkout's own platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from foresync.errors import PlainError

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


def access(url: str | None, token: str | None, tenant: str, scopes: tuple[str, ...], user: str = "foresync") -> Access:
    """Where to go and with what.

    Without a token the platform signs one for `user` of `tenant`, which is made if it is new; PlainError where there
    is none.
    """
    from foresync.platform.platform import Platform  # not needed by who brings address and token
    from foresync.platform.state import State

    if url and token:
        return Access(url, token)
    platform = Platform.find(State.find())
    return Access(url or platform.urls.api, token or platform.token(tenant, user, scopes))


def state_folder() -> Path:
    """Where a command may remember things."""
    from foresync.platform.state import State

    return State.find().folder


@contextmanager
def plain_errors() -> Iterator[None]:
    """Whatever the server, a file or the network says against it is the user's to read, and no traceback."""
    from foresync.client import SyncError

    try:
        yield
    except (SyncError, ValueError, OSError) as error:
        raise PlainError(str(error)) from error
