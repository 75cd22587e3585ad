"""What the user sees of a replay: a bar on a terminal, lines elsewhere, the ledger at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from foresync.replay.ledger import Ledger
from foresync.replay.run import Watcher

# ledger field → what it means, in the order shown
ROWS = {
    "sent": "changes sent",
    "applied": "applied",
    "merged": "merged (stale, settled)",
    "unchanged": "unchanged (no new version)",
    "waiting": "waiting for a person",
    "rejected": "rejected",
    "replayed": "replayed (stored answers)",
    "conflicts": "conflicts recorded",
    "pushes": "pushes",
    "presence": "presence events",
    "presence_replayed": "presence events replayed",
    "requests": "requests",
}


@contextmanager
def watching(console: Console, title: str, unit: str = "changes") -> Iterator[Watcher]:
    """A watcher that shows progress on `console` while the block runs."""
    if not console.is_terminal:
        yield _Lines(console, title, unit)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        yield _Bar(progress, title)


def show(console: Console, ledger: Ledger) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, meaning in ROWS.items():
        if (count := getattr(ledger, name)) or name in (
            "sent",
            "applied",
            "merged",
            "rejected",
            "replayed",
            "conflicts",
        ):
            table.add_row(meaning, f"{count:,}")
    table.add_row("seconds", f"{ledger.seconds:.1f}")
    table.add_row("changes per second", f"{ledger.rows_per_second:,.0f}")
    console.print(table)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "-/s", style="progress.data.speed")


class _Bar:
    def __init__(self, progress: Progress, title: str) -> None:
        self._progress, self._title = progress, title
        self._task: TaskID | None = None

    def begin(self, changes: int) -> None:
        self._task = self._progress.add_task(self._title, total=changes)

    def advance(self, changes: int) -> None:
        if self._task is not None:
            self._progress.advance(self._task, changes)


class _Lines:
    """A line for every tenth: for logs and pipes."""

    def __init__(self, console: Console, title: str, unit: str) -> None:
        self._console, self._title, self._unit = console, title, unit
        self._total = self._done = self._shown = 0

    def begin(self, changes: int) -> None:
        self._total = changes

    def advance(self, changes: int) -> None:
        self._done += changes
        if self._done * 10 // self._total > self._shown:
            self._shown = self._done * 10 // self._total
            self._console.print(f"{self._title}: {self._done:,} of {self._total:,} {self._unit}", highlight=False)
