"""What a stream tells, and how it stands on the wire (WHATWG server-sent events). No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

HEARTBEAT = b": \n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be told. key: of several with the same name and key, only the newest is worth telling."""

    name: str
    data: Mapping[str, Any]
    key: str = ""


def poke(head: int) -> Event:
    """There is something new in the feed."""
    return Event("poke", {"head": head})


def resync(reason: str) -> Event:
    """What the client holds, or has been told, is not to be trusted. reason: epoch, horizon, position or overrun."""
    return Event("resync", {"reason": reason}, reason)


def conflict(conflict_id: str, entity: str, server_id: str, status: str) -> Event:
    """A change of this user's waits for somebody, or has been settled."""
    data = {"conflict_id": conflict_id, "entity": entity, "server_id": server_id, "status": status}
    return Event("conflict", data, conflict_id)


def end(reason: str) -> Event:
    """The server closes the stream; come back. reason: expired, draining or rotated."""
    return Event("end", {"reason": reason})


def retry(milliseconds: int) -> bytes:
    """How long to wait before coming back after the stream has broken."""
    return b"retry: %d\n\n" % milliseconds


def frames(told: list[Event], position: int) -> bytes:
    """The events in order. The last one carries the position: all that happened up to it has then been told."""
    last = len(told) - 1
    return b"".join(_frame(event, position if n == last else None) for n, event in enumerate(told))


def _frame(event: Event, position: int | None) -> bytes:
    name = b"" if position is None else b"id: %d\n" % position
    return name + b"event: %b\ndata: %b\n\n" % (event.name.encode(), orjson.dumps(event.data))
