"""How fast a replay goes: as fast as the answers come, or at a multiple of the time that it replays."""

import time


class Pace:
    """`speed` mapped seconds pass in a second; None: no waiting at all."""

    def __init__(self, speed: float | None, first: int) -> None:
        self._speed = speed
        self._first = first
        self._began = time.monotonic()

    def is_due(self, at: int) -> bool:
        return self._left(at) <= 0

    def wait(self, at: int) -> None:
        time.sleep(max(0.0, self._left(at)))

    def _left(self, at: int) -> float:
        """Seconds until the moment `at` (mapped, microseconds) comes round."""
        if self._speed is None:
            return 0.0
        return (at - self._first) / 1e6 / self._speed - (time.monotonic() - self._began)
