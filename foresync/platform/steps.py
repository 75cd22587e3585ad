"""Things to be done in the order of their needs, as many at once as may be. Knows nothing of platforms."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event


@dataclass
class Step:
    """`run` blocks until the step is done, raises when it fails, and gives up soon after `stop` is set."""

    name: str
    title: str
    run: Callable[[Event], None]
    needs: tuple[str, ...] = ()
    url: str | None = None
    state: str = "waiting"  # waiting | starting | ready | failed
    began: float = 0.0
    ended: float = 0.0

    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.began if self.began else 0.0


def run_all(steps: Sequence[Step], show: Callable[[], None]) -> None:
    """Run every step; `show` is called a few times a second. The first failure stops the rest and is raised."""
    stop = Event()
    working: dict[Future[None], Step] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(steps))) as pool:
        try:
            while any(step.state != "ready" for step in steps):
                for step in _due(steps):
                    step.state, step.began = "starting", time.monotonic()
                    working[pool.submit(step.run, stop)] = step
                done, _ = wait(working, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    _settle(working.pop(future), future)
                show()
        finally:
            stop.set()
            show()


def _due(steps: Sequence[Step]) -> list[Step]:
    ready = {step.name for step in steps if step.state == "ready"}
    return [step for step in steps if step.state == "waiting" and ready.issuperset(step.needs)]


def _settle(step: Step, future: Future[None]) -> None:
    step.ended = time.monotonic()
    step.state = "failed" if future.exception() else "ready"
    future.result()
