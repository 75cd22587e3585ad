"""`foresync import-git`: arguments in, a history out, and pushed. The work is in `git_history` and `replay`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from foresync.access import Token, Url, access, plain_errors, state_folder

if TYPE_CHECKING:
    from foresync.git_history import Built

app = typer.Typer()


@app.command("import-git")
def import_git(
    repository: Annotated[
        Path, typer.Argument(help="A git repository on this machine.", exists=True, file_okay=False, resolve_path=True)
    ],
    revision: Annotated[str, typer.Option(help="The mainline: its first parents are the server.")] = "HEAD",
    tenant: Annotated[str | None, typer.Option(help="Default: named after the repository's folder.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where to write the history; default: `histories/` in the state folder.")
    ] = None,
    push: Annotated[bool, typer.Option(help="Push it through the sync API; else only write it.")] = True,
    url: Url = None,
    token: Token = None,
) -> None:
    """Turn a git repository into a tenant's edit history: every merge an offline client's sync, every file a record.

    Only numbers are pushed. Which file each record is stands in a legend beside the history, for your eyes.
    """
    from foresync import git_history
    from foresync.client import SyncClient
    from foresync.declarations import HISTORY_TYPES, load_entity_types
    from foresync.replay import SCOPES, replay
    from foresync.replay.display import show, watching

    tenant = tenant or _tenant(repository)
    output = output or state_folder() / "histories" / f"{tenant}.parquet"
    console, progress = Console(), Console(stderr=True)
    with watching(progress, f"reading {repository.name}", "commits of the mainline") as watcher:
        built = git_history.build(repository, revision, watcher)
    legend = git_history.legend_beside(output)
    with plain_errors():
        git_history.write(built, output)
        git_history.write_legend(built, legend)
    _tell(console, built, output, legend)
    if not push:
        return
    with plain_errors():
        server = access(url, token, tenant, SCOPES)
        with SyncClient(server.url, server.token) as client:
            load_entity_types(client, HISTORY_TYPES)
        with watching(progress, tenant) as watcher:
            ledger = replay(
                output, url=server.url, tenant=tenant, token=server.token, home=state_folder(), watcher=watcher
            )
    show(console, ledger)
    console.print(
        f"To see what the platform would have warned of: foresync demo --history {output}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def _tenant(repository: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", repository.name.removesuffix(".git").lower()).strip("-") or "repository"


def _tell(console: Console, built: "Built", output: Path, legend: Path) -> None:
    synced = [row for row in built.rows if row["is_merge"]]
    stale = sum(row["both_changed"] for row in synced)
    collided = sum(row["field_collision"] for row in synced)
    left_out = f"; {built.left_out:,} of too many files left out" if built.left_out else ""
    console.print(
        f"{built.pushes:,} pushes, {built.merges:,} of them merges{left_out}; {len(built.paths):,} records, "
        f"{len(built.rows):,} changes",
        highlight=False,
        soft_wrap=True,
    )
    if synced:
        console.print(
            f"of {len(synced):,} changes that came with merges, {stale:,} ({stale / len(synced):.1%}) met newer "
            f"work of others, {collided:,} ({collided / len(synced):.1%}) in the same place",
            highlight=False,
            soft_wrap=True,
        )
    else:
        console.print(
            "no merges: nobody worked offline here, so nothing can have been in conflict",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"{output}\n{legend}", highlight=False, soft_wrap=True)
