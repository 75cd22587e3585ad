"""Edit times as the server believes them: corrected for the skew of the device's clock, never in the future."""

from datetime import UTC, datetime, timedelta

import orjson

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
QUOTED_WIDTH = len('"2026-01-01T00:00:00.000001Z"')
FIRST, LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


def storable(moment: datetime) -> datetime:
    """The moment in UTC; one at the very ends of the calendar, where time zones overflow, a little inside them."""
    inside = moment if FIRST <= moment <= LAST else max(FIRST, min(moment, LAST))
    return inside if inside.tzinfo is UTC else inside.astimezone(UTC)


def corrected(edited_at: datetime, client_time: datetime, received_at: datetime) -> datetime:
    """`edited_at` moved by how far the device's clock was off when it pushed, clamped to the moment of receipt.

    A device that is a year ahead says so in `client_time` too, so its edits come back to where they belong.
    """
    try:
        moved = edited_at + (received_at - client_time)
    except OverflowError:  # at the ends of the calendar there is no room to correct
        return received_at
    return moved if EARLIEST <= moved <= received_at else max(EARLIEST, min(moved, received_at))


def text(moment: datetime) -> str:
    """Fixed-width ISO 8601 in UTC: compares as text as it does as time."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    written = orjson.dumps(moment, option=orjson.OPT_UTC_Z)
    if len(written) != QUOTED_WIDTH:  # whole seconds are written without their fraction
        return moment.isoformat(timespec="microseconds")[:-6] + "Z"
    return written[1:-1].decode()


def before(moment: str, seconds: int) -> str:
    """The text of the moment so many seconds earlier."""
    return text(datetime.fromisoformat(moment) - timedelta(seconds=seconds))
