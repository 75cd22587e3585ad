"""`foresync models`: what is registered, and which version serves. The work is in `ml.registry`."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from foresync.errors import PlainError

if TYPE_CHECKING:
    from ml.registry import Version

app = typer.Typer(
    help="The models that predict conflicts: what is registered, and which one serves.", no_args_is_help=True
)
console = Console()


@app.command("list")
def list_command(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Every version, the newest first: what it is, what the gate said of it, and whether it serves."""
    with _registry():
        from ml import registry

        found = registry.versions()
    if as_json:
        typer.echo(json.dumps([asdict(version) for version in found], default=str, indent=2))
    elif not found:
        console.print("No model is registered yet: materialise `challenger` in Dagster, or run `foresync demo`.")
    else:
        _show(found)


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Its number, as `foresync models list` shows it.")],
    past_the_gate: Annotated[
        bool, typer.Option("--past-the-gate", help="Although the gate has not let it through.")
    ] = False,
) -> None:
    """Let a version serve. Prediction servers follow within seconds, without dropping a request."""
    with _registry():
        from ml import registry

        found = registry.get(version)
        status = found.tags.get(registry.STATUS, "not judged")
        if status != registry.PASSED and not past_the_gate:
            raise PlainError(
                f"version {version} is {status}: {found.tags.get('gate_reason') or 'the gate has not judged it'}; "
                "to let it serve all the same: --past-the-gate"
            )
        registry.promote(version)
    console.print(f"Version {version} is the champion.")


@app.command()
def rollback() -> None:
    """Let the version serve that served before the present one. The gate refuses the present one from now on."""
    with _registry():
        from ml import registry

        before = registry.resolve(registry.CHAMPION)
        now = registry.rollback()
    console.print(f"Version {now.version} is the champion again; version {before.version if before else '?'} is out.")


def _show(found: "list[Version]") -> None:
    """A line for each version; below them, in the whole width, what the gate said of each."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))  # fits into 80 columns
    for title in ("version", "serves", "model", "PR-AUC", "base\nrate", "warns\nfrom", "trained\nuntil", "gate"):
        table.add_column(title, no_wrap=title != "serves", min_width=len("challenger") if title == "serves" else None)
    for version in found:
        tags = version.tags
        table.add_row(
            version.version,
            ", ".join(version.aliases),
            tags.get("model_type", ""),
            _number(tags.get("holdout_pr_auc")),
            _number(tags.get("holdout_base_rate")),
            _number(tags.get("threshold")),
            tags.get("trained_until", "")[:10],
            "rolled back" if version.is_rolled_back else tags.get("validation_status", "not judged"),
        )
    console.print(table)
    for version in found:
        if reason := version.tags.get("gate_reason"):
            said = Table.grid(Column(), Column(overflow="fold"), padding=(0, 1), pad_edge=False)
            said.add_row(f"{version.version}:", Text(reason))
            console.print()
            console.print(said)


def _number(text: str | None) -> str:
    return f"{float(text):.3f}" if text else ""


@contextmanager
def _registry() -> Iterator[None]:
    """The registry of the platform, or of `MLFLOW_TRACKING_URI`. What is wrong is said in a line."""
    from foresync.platform.platform import Platform
    from foresync.platform.state import State

    address = os.environ.get("MLFLOW_TRACKING_URI") or Platform.find(State.find()).env["MLFLOW_TRACKING_URI"]
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a person waits for the answer
    import mlflow
    from mlflow.exceptions import MlflowException

    from ml.registry import NoSuchVersionError

    mlflow.set_tracking_uri(address)
    try:
        yield
    except NoSuchVersionError as error:
        raise PlainError(str(error)) from error
    except MlflowException as error:
        raise PlainError(f"MLflow at {address} does not answer as it should: {error.message}") from error
