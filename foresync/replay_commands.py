"""`foresync replay`: arguments in, ledger out. The work is in `replay`, imported when it is asked for."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from foresync.access import Token, Url, access, plain_errors, state_folder

app = typer.Typer()


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if speed <= 0:
        raise typer.BadParameter("max, or how many times real time, a number above 0")
    return speed


@app.command("replay")
def replay_command(
    file: Annotated[
        Path,
        typer.Argument(help="A history: a Parquet file such as those in sample_data.", exists=True, dir_okay=False),
    ],
    url: Url = None,
    tenant: Annotated[str | None, typer.Option(help="Default: named after the file.")] = None,
    speed: Annotated[str, typer.Option(help="`max`, or how many times real time.")] = "max",
    presence_share: Annotated[
        float, typer.Option(min=0, max=1, help="The share of offline edits that are announced while they are open.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(help="Draws that share.")] = 0,
    keep_times: Annotated[
        bool, typer.Option("--keep-times", help="Keep the history's own times instead of the last 90 days.")
    ] = False,
    policy: Annotated[str, typer.Option(help="The tenant's conflict policy, set before the replay.")] = "client_wins",
    token: Token = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ledger as JSON.")] = False,
) -> None:
    """Push a history through the sync API as the devices that it came from. Safe to repeat and to interrupt."""
    from foresync.replay import SCOPES, Options, names, replay
    from foresync.replay.display import show, watching

    options = Options(_speed(speed), presence_share, seed, keep_times, policy)
    tenant = tenant or names.tenant(file)
    progress = Console(stderr=True)
    with plain_errors():
        server = access(url, token, tenant, SCOPES)
        with watching(progress, tenant) as watcher:
            ledger = replay(
                file,
                url=server.url,
                tenant=tenant,
                token=server.token,
                home=state_folder(),
                options=options,
                watcher=watcher,
            )
    if as_json:
        typer.echo(json.dumps(asdict(ledger) | {"rows_per_second": round(ledger.rows_per_second, 1)}))
    else:
        show(Console(), ledger)
