"""Where a history's moments lie when it is replayed: mapped linearly onto the last days, or left as they were."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

DAYS = 90
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_datetime(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def to_microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class TimeMap:
    """Maps [first, last] onto [start, end], all microseconds. Order is kept; moments that were equal stay equal."""

    first: int
    last: int
    start: int
    end: int

    def __call__(self, moment: int) -> int:
        if self.last == self.first:
            return self.end
        return self.start + (moment - self.first) * (self.end - self.start) // (self.last - self.first)

    @classmethod
    def of(cls, span: tuple[int, int], anchor_at: datetime, mapping: dict[str, Any]) -> "TimeMap":
        """The map that a stored anchor means: the last `days` before it, or, with `keep_times`, no change."""
        first, last = span
        if mapping["keep_times"]:
            return cls(first, last, first, last)
        end = to_microseconds(anchor_at)
        return cls(first, last, end - int(mapping["days"]) * 86_400_000_000, end)
