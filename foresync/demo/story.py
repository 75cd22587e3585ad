"""The stages of the demo in order, each timed, each with something to see while it runs."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from foresync import git_history
from foresync.client import SyncClient, SyncError
from foresync.dagster_client import DagsterClient, Event
from foresync.declarations import HISTORY_TYPES, load_entity_types
from foresync.demo import pipeline, predictions, report
from foresync.errors import PlainError
from foresync.platform.platform import Platform
from foresync.replay import Ledger, names, replay
from foresync.replay.display import show as show_ledger
from foresync.replay.display import watching

SAMPLE = HISTORY_TYPES.with_name("jupyter__notebook.parquet")
HOLDOUT = (
    "base_rate", "pr_auc", "roc_auc", "precision", "recall", "f1", "threshold", "precision_at_recall_60",
    "recall_at_precision_70",
)  # fmt: skip
SWAP_SECONDS = 30


def run(platform: Platform, console: Console, started_seconds: float, history: Path) -> None:
    """Take a history all the way, and print what came of it.

    `started_seconds` is how long the platform took to start. Raises PlainError when a stage does not end well.
    """
    try:
        _tell(platform, console, started_seconds, history)
    except (httpx.HTTPError, SyncError) as error:
        raise PlainError(
            f"a part of the platform went away ({error}): see `foresync status`, then run `foresync demo` again; "
            "what is done already is not done twice"
        ) from error


def _tell(platform: Platform, console: Console, started_seconds: float, history: Path) -> None:
    tenant = names.tenant(history)
    token = platform.token(tenant, "foresync")
    rows = [report.Row("start", None, started_seconds, f"{len(platform.parts)} parts healthy")]
    rows.append(_push(platform, console, history, token))
    stages, row_of_run = _materialise(platform, console)
    rows += row_of_run
    rows.append(_wait_for_champion(platform, token, stages))
    asked_at = time.monotonic()
    high, low = _predict(platform, token, history)
    rows.append(
        report.Row("predict", 2, time.monotonic() - asked_at, f"{high.probability:.2f} and {low.probability:.2f}")
    )

    console.rule("what happened")
    report.show_stages(console, rows)
    console.print()
    report.show_holdout(console, _holdout(stages))
    console.print()
    legend = git_history.legend(history)
    report.show_prediction(console, "a contested record", high, legend)
    report.show_prediction(console, "a quiet record", low, legend)
    console.print()
    report.show_addresses(console, platform.urls)


def _push(platform: Platform, console: Console, history: Path, token: str) -> report.Row:
    console.rule("push: a real history through the sync API")
    began = time.monotonic()
    tenant = names.tenant(history)
    with SyncClient(platform.urls.api, token) as client:
        load_entity_types(client, HISTORY_TYPES)
    with watching(console, tenant) as watcher:
        ledger = replay(
            history, url=platform.urls.api, tenant=tenant, token=token, home=platform.state.folder, watcher=watcher
        )
    show_ledger(console, ledger)
    return report.Row("push", ledger.sent, time.monotonic() - began, _said(ledger))


def _said(ledger: Ledger) -> str:
    if ledger.replayed == ledger.sent:
        return "every change answered from its stored answer"
    return (
        f"{ledger.applied:,} applied, {ledger.merged:,} merged, {ledger.conflicts:,} conflicts recorded, "
        f"{ledger.rejected:,} rejected, {ledger.replayed:,} replayed"
    )


def _materialise(platform: Platform, console: Console) -> tuple[dict[str, pipeline.Stage], list[report.Row]]:
    console.rule("ingest, dbt, train, promote, publish: one Dagster job")
    client = DagsterClient(platform.urls.dagster)
    groups = client.asset_groups()
    first = date.fromisoformat(platform.env["FORESYNC_FIRST_DAY"])
    run_id = pipeline.launch(client, first, datetime.now(UTC).date())
    console.print(f"{platform.urls.dagster}/runs/{run_id}", highlight=False)
    stages = pipeline.summarise(_shown(client.watch(run_id), groups, console), groups)
    return stages, [report.Row(stage.name, stage.rows, stage.seconds, _checks(stage)) for stage in stages.values()]


def _shown(events: Iterator[Event], groups: dict[str, str], console: Console) -> Iterator[Event]:
    """Say what is done as it is done: a line an asset."""
    made: set[str] = set()
    for event in events:
        if event.kind == "MaterializationEvent" and event.asset and event.asset not in made:
            made.add(event.asset)
            count = event.metadata.get("dagster/row_count")
            rows = "" if count is None else f"{count:,} rows"
            console.print(f"  {len(made):3d} of {len(groups)}  {event.asset:45s} {rows}", highlight=False)
        elif event.kind == "AssetCheckEvaluationEvent" and event.success is False:
            said = "[yellow]{} warns" if event.severity == "WARN" else "[red]{} failed"
            console.print(f"  {said.format(f'check {event.check} of {event.asset or event.step}')}", highlight=False)
        yield event


def _checks(stage: pipeline.Stage) -> str:
    checks = stage.checks_passed + stage.checks_failed
    said = [f"{len(stage.assets)} asset{'s' * (len(stage.assets) != 1)}"]
    if checks:
        said.append(f"{stage.checks_passed} of {checks} checks passed")
    if told := stage.facts.get("reason") or stage.facts.get("detail"):
        said.append(str(told))
    return "; ".join(said)


def _wait_for_champion(platform: Platform, token: str, stages: dict[str, pipeline.Stage]) -> report.Row:
    """Wait until the prediction server answers with the version that the registry calls champion."""
    began = time.monotonic()
    facts = _facts(stages)
    wanted = facts.get("serving_version")
    if wanted is None:
        raise PlainError(f"no model was promoted: {facts.get('detail') or 'see the run in Dagster'}")
    serving = None
    while time.monotonic() < began + SWAP_SECONDS:
        answer = httpx.get(f"{platform.urls.serving}/model", headers={"Authorization": f"Bearer {token}"}, timeout=5)
        serving = answer.json().get("version") if answer.is_success else None
        if serving == str(wanted):
            return report.Row("swap", None, time.monotonic() - began, f"version {wanted} serves, no restart")
        time.sleep(0.2)
    raise PlainError(f"the prediction server serves version {serving}, not the champion {wanted}; see its log")


def _predict(platform: Platform, token: str, history: Path) -> tuple[predictions.Asked, predictions.Asked]:
    contested, quiet = predictions.candidates(history)
    with SyncClient(platform.urls.api, token) as client, predictions.OpenEdits(client, contested):
        high = max(predictions.ask(platform.urls.serving, token, contested), key=lambda asked: asked.probability)
    low = min(predictions.ask(platform.urls.serving, token, quiet), key=lambda asked: asked.probability)
    return high, low


def _holdout(stages: dict[str, pipeline.Stage]) -> dict[str, float]:
    facts = _facts(stages)
    return {name: float(facts[name]) for name in HOLDOUT if isinstance(facts.get(name), int | float)}


def _facts(stages: dict[str, pipeline.Stage]) -> dict[str, Any]:
    return {name: value for stage in stages.values() for name, value in stage.facts.items()}
