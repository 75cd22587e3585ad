"""The platform's commands: what the user types, and what it prints. The work is in `control` and `platform`.

Imports of the platform are inside the commands: the command is also installed alone, as a client.
"""

import json
import re
import shlex
import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from foresync.platform.platform import Platform, Standing

app = typer.Typer()
console = Console()

PartName = Annotated[str, typer.Argument(help="A part, as `foresync status` names it.")]


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running; `foresync down` ends it.")] = False,
) -> None:
    """Start the platform on this machine, and keep it running until Ctrl-C."""
    from foresync.platform import control
    from foresync.platform.state import State

    interrupt_on_hangup()
    found, is_ours = control.up(State.find(), console)
    if detach and is_ours:
        show(found)
        console.print("Running. `foresync down` ends it.")
    else:
        stay(found, is_ours)


@app.command()
def down(
    delete_state: Annotated[
        bool, typer.Option("--delete-state", help="Also delete its databases, lake, models, logs and secrets.")
    ] = False,
) -> None:
    """End the platform: everything that belongs to it, and nothing else."""
    from foresync.platform import control
    from foresync.platform.state import State

    interrupt_on_hangup()
    ended = control.down(State.find(), delete_state=delete_state)
    console.print("The platform has ended." if ended else "Nothing was running.")
    if delete_state:
        console.print("Its state is deleted.")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show every part: state, health, address. Exits 3 unless all are healthy."""
    found = _find()
    standing = found.standing()
    running = found.is_running()
    if as_json:
        told = {"home": str(found.state.folder), "running": running, "parts": [asdict(part) for part in standing]}
        typer.echo(json.dumps(told, indent=2))
    else:
        show(found, standing)
    if not running or any(part.problem for part in standing):
        raise typer.Exit(3)


@app.command()
def token(
    tenant: Annotated[str, typer.Option(help="Made if it is new.")],
    user: Annotated[str, typer.Option(help="Whose token it is.")],
    scope: Annotated[list[str] | None, typer.Option(help="Repeatable; all of them unless given.")] = None,
    expires_in: Annotated[str, typer.Option(help="30m, 12h, 7d.")] = "1d",
) -> None:
    """Print a bearer token for the two HTTP APIs, and nothing else."""
    from foresync.tenants import DEVELOPMENT_SCOPES

    try:
        minted = _find().token(tenant, user, tuple(scope or DEVELOPMENT_SCOPES), _duration(expires_in))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(minted)


@app.command()
def url(part: PartName) -> None:
    """Print the address of a part, and nothing else."""
    addresses = {standing.name: standing.url for standing in _find().parts if standing.url}
    if part not in addresses:
        raise typer.BadParameter(f"no address for {part!r}; there are {', '.join(addresses)}")
    typer.echo(addresses[part])


@app.command()
def logs(part: PartName, lines: Annotated[int, typer.Option("-n", help="How many of the last lines.")] = 50) -> None:
    """Print the end of a part's log."""
    found = _find()
    path = found.state.log(part)
    if not path.exists():
        raise typer.BadParameter(f"no log of {part!r} in {path.parent}")
    with path.open(errors="replace") as file:
        typer.echo("".join(deque(file, lines)), nl=False)


@app.command()
def env() -> None:
    """Print exports that point a shell at this platform: eval "$(foresync env)". Contains secrets.

    Also before its first start, so that a server of yours can be told where everything will be.
    """
    from foresync.platform import control
    from foresync.platform.state import State

    for name, value in sorted(control.laid_out(State.find()).env.items()):
        typer.echo(f"export {name}={shlex.quote(value)}")


def show(found: "Platform", standing: "Sequence[Standing] | None" = None) -> None:
    """The standing of every part as a table, asked now unless given."""
    table = Table(box=None, pad_edge=False)
    for column in ("part", "name", "state", "health", "address"):
        table.add_column(column, overflow="fold")
    for part in standing or found.standing():
        health = "[green]healthy" if part.problem is None else f"[red]{part.problem}"
        table.add_row(part.title, part.name, part.state, health, part.url or "")
    console.print(table)
    console.print(f"logs: {found.state.folder / 'logs'}", highlight=False, soft_wrap=True)


def stay(found: "Platform", is_ours: bool) -> None:
    """Stay until Ctrl-C, then end the platform; also when somebody else has ended it. What another started is left."""
    from foresync.platform import control

    show(found)
    if not is_ours:
        console.print("It was already running. `foresync down` ends it.")
        return
    console.print("Ctrl-C ends it.")
    try:
        control.watch(found, console)
        console.print("The process manager has gone; ending what is left.")
    except KeyboardInterrupt:
        console.print("ending…")
    control.down(found.state)


def interrupt_on_hangup() -> None:
    """A closed terminal or a plain `kill` ends as orderly as Ctrl-C."""
    for request in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(request, signal.default_int_handler)


def _find() -> "Platform":
    from foresync.platform.platform import Platform
    from foresync.platform.state import State

    return Platform.find(State.find())


def _duration(text: str) -> timedelta:
    """`90s`, `30m`, `12h`, `7d`. ValueError for anything else."""
    told = re.fullmatch(r"(\d+)([smhd])", text)
    if not told:
        raise ValueError(f"not a duration: {text!r} (30m, 12h, 7d)")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[told[2]]
    return timedelta(**{unit: int(told[1])})
