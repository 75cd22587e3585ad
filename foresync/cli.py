"""The command `foresync`: mounts what the rooms beside it offer, and says errors plainly. No work is done here."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from foresync import declarations, git_commands, model_commands, platform_commands, replay_commands, watch
from foresync.errors import PlainError

app = typer.Typer(
    help="Offline-first sync that resolves conflicts by field, learns from every one, and warns before the next.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.add_typer(platform_commands.app)
app.add_typer(replay_commands.app)
app.add_typer(git_commands.app)
app.add_typer(model_commands.app, name="models")
app.add_typer(declarations.app)
app.add_typer(watch.app)


@app.command()
def demo(
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="Afterwards keep the platform running until Ctrl-C.")
    ] = False,
    history: Annotated[
        Path | None,
        typer.Option(help="Another history than the sample, such as `import-git` writes.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Take a real edit history through sync, warehouse, training, registry and prediction."""
    from foresync import demo as story
    from foresync.platform.control import running_platform
    from foresync.platform.state import State

    platform_commands.interrupt_on_hangup()
    began = time.monotonic()
    with running_platform(State.find(), platform_commands.console, keep=keep_running) as (found, is_ours):
        story.run(found, platform_commands.console, time.monotonic() - began, history or story.SAMPLE)
    if keep_running:
        platform_commands.stay(found, is_ours)


def main() -> None:
    """The entry point: an error that the user can act on is one line, not a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except PlainError as error:
        Console(stderr=True).print(f"[red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
