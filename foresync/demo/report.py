"""What the demo prints at the end: a row a stage, the model's holdout, two predictions, the addresses."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from foresync.demo.predictions import Asked
from foresync.platform.platform import Urls


@dataclass(frozen=True)
class Row:
    stage: str
    rows: int | None
    seconds: float
    result: str


def show_stages(console: Console, rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    table.add_column("rows", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("result", ratio=1)
    for row in rows:
        table.add_row(row.stage, "" if row.rows is None else f"{row.rows:,}", f"{row.seconds:.1f}", row.result)
    table.add_row("", "", f"{sum(row.seconds for row in rows):.1f}", "in all")
    console.print(table)


def show_holdout(console: Console, metrics: dict[str, float]) -> None:
    """The metrics on the holdout slice; every one beside the base rate."""
    console.print("[bold]the model on the latest slice of time[/], which it has not seen")
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in metrics.items():
        table.add_row(name.replace("_", " "), f"{value:.3f}")
    console.print(table)


def show_prediction(console: Console, title: str, asked: Asked, legend: Mapping[str, str]) -> None:
    """legend: what a record is called where the history comes from, as far as that is known here."""
    edit, answer = asked.edit, asked.answer
    record = legend.get(edit.entity_id, edit.entity_id)
    verb = "has" if len(edit.others) == 1 else "have"
    console.print(
        f"[bold]{title}[/]: {edit.user} begins to edit {edit.entity_type} {record}"
        + (f" while {' and '.join(edit.others)} {verb} it open" if edit.others else ""),
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"  {answer['risk_level']} risk, {asked.probability:.1%} likely to conflict "
        f"(model version {answer['model_version']}, warns from {answer['threshold']:.0%})",
        highlight=False,
        soft_wrap=True,
    )
    for factor in answer["top_factors"][:3]:
        console.print(f"    {factor['feature']} = {factor['value']:.4g}", highlight=False, soft_wrap=True)
    if answer["warning_message"]:
        console.print(f"  “{answer['warning_message']}”", highlight=False, soft_wrap=True)


def show_addresses(console: Console, urls: Urls) -> None:
    for name, url, what in (
        ("Dagster", f"{urls.dagster}/asset-groups", "assets, runs, checks"),
        ("MLflow", f"{urls.mlflow}/#/models/conflict_predictor", "trainings, curves, the registry"),
        ("sync API", f"{urls.api}/docs", "push changes"),
        ("predictions", f"{urls.serving}/docs", "ask before an edit"),
    ):
        console.print(f"{name:<12} {url:<55} [dim]{what}", highlight=False, soft_wrap=True)
