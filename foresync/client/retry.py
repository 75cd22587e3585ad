"""How often and how long: exponential backoff with full jitter. Waiting and sending happen elsewhere."""

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """`attempts` in all, the first one included; waits are drawn from 0 to `first` · 2ⁿ seconds, at most `longest`."""

    attempts: int = 6
    first: float = 0.25
    longest: float = 30.0

    def waits(self) -> Iterator[float]:
        """Seconds to wait before each further attempt; jitter keeps a fleet from coming back all at once."""
        for n in range(self.attempts - 1):
            yield random.uniform(0, min(self.longest, self.first * 2**n))  # noqa: S311 - no secret
