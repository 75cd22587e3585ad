"""The server's event stream: read within bounds, opened again when it breaks, with nothing missed in between."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from foresync.client.answers import Json
from foresync.client.errors import ApiError, SyncError, UnauthorizedError, UnreachableError
from foresync.client.retry import Retry
from foresync.client.transport import Transport

PATH = "/api/v1/sync/stream"
LONGEST_LINE = 65_536  # bytes; ours have some hundred


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """What the server says: `poke` (`head`: pull if you have not read so far), `conflict` (`conflict_id`, `entity`,
    `server_id`, `status`), `warning` (`edit_id`, `entity`, `server_id`, `conflict_probability`, `threshold`,
    `warning_message`, `prediction_id`), `resync` (`reason`), and whatever a newer server adds. `id` is a place in its
    order."""

    event: str
    data: Json
    id: int | None = None


def listen(transport: Transport, retry: Retry, since: int | None, epoch: str | None) -> Iterator[StreamEvent]:
    """Events, for as long as somebody asks for the next. Raises SyncError when the server refuses, or when as many
    attempts in a row as `retry` has got nothing out of it."""
    asked = {name: value for name, value in {"since": since, "epoch": epoch}.items() if value is not None}
    path = f"{PATH}?{urlencode(asked)}" if asked else PATH
    last_id: int | None = None
    waits, may_refresh = retry.waits(), transport.may_refresh
    while True:
        error: SyncError = UnreachableError(f"GET {PATH}: the stream has ended")
        try:
            with transport.stream(path, {} if last_id is None else {"Last-Event-ID": str(last_id)}) as chunks:
                for event in decode(chunks):
                    waits, may_refresh = retry.waits(), transport.may_refresh
                    if event is None:
                        continue
                    last_id = last_id if event.id is None else event.id
                    if event.event == "end":
                        break
                    yield event
        except UnauthorizedError as refused:
            if not may_refresh:
                raise
            error, may_refresh = refused, False
        except SyncError as broken:
            if not broken.retryable:
                raise
            error = broken
        wait = next(waits, None)
        if wait is None:
            raise error
        time.sleep(max(wait, error.retry_after or 0.0) if isinstance(error, ApiError) else wait)


def decode(chunks: Iterable[bytes]) -> Iterator[StreamEvent | None]:
    """The events of a stream, and None for every other sign of life. UnreachableError for what cannot be one."""
    name, data, place = "", "", None
    for line in _lines(chunks):
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match key:
            case "event":
                name = value
            case "data":
                data = value
            case "id":
                place = int(value) if value.isdigit() else None
            case "" if not line and data:
                yield StreamEvent(name, _parsed(data), place)
                name, data, place = "", "", None
            case _:
                yield None


def _parsed(data: str) -> Json:
    try:
        parsed = json.loads(data)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise UnreachableError(f"GET {PATH}: what came is no event")
    return parsed


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise UnreachableError(f"GET {PATH}: a line without an end")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
