"""What the user sees of a start and of a status: a live table on a terminal, lines elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from foresync.platform.steps import Step

MARKS = {"waiting": "[dim]waiting", "starting": "[yellow]starting…", "ready": "[green]ready", "failed": "[red]failed"}


class Display(Protocol):
    def update(self) -> None: ...


@contextmanager
def progress(console: Console, steps: Sequence[Step]) -> Iterator[Display]:
    if console.is_terminal:
        with Live(_table(steps), console=console, refresh_per_second=4) as live:
            yield _Table(live, steps)
    else:
        yield _Lines(console, steps)


class _Table:
    def __init__(self, live: Live, steps: Sequence[Step]) -> None:
        self._live, self._steps = live, steps

    def update(self) -> None:
        self._live.update(_table(self._steps))


class _Lines:
    """A line a change: for logs and pipes."""

    def __init__(self, console: Console, steps: Sequence[Step]) -> None:
        self._console, self._steps = console, steps
        self._shown: dict[str, str] = {}

    def update(self) -> None:
        for step in self._steps:
            if step.state != "waiting" and self._shown.get(step.name) != step.state:
                self._shown[step.name] = step.state
                seconds = "" if step.state == "starting" else f" {step.seconds():.1f} s"
                self._console.print(f"{step.title:<16}{step.state}{seconds}", highlight=False)


def _table(steps: Sequence[Step]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("part", "state", "seconds", "address"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for step in steps:
        seconds = f"{step.seconds():.1f}" if step.began else ""
        table.add_row(step.title, MARKS[step.state], seconds, step.url or "")
    return table
