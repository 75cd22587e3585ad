"""What a stream tells, and how it stands on the wire (WHATWG server-sent events). No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

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


def warning(
    edit_id: UUID,
    entity: str,
    server_id: str,
    conflict_probability: float | None,
    threshold: float | None,
    message: str | None,
    prediction_id: UUID | None,
) -> Event:
    """Somebody else has raised the risk of this user's open edit over the threshold. Comes once for an edit."""
    data = {
        "edit_id": str(edit_id),
        "entity": entity,
        "server_id": server_id,
        "conflict_probability": conflict_probability,
        "threshold": threshold,
        "warning_message": message,
        "prediction_id": prediction_id and str(prediction_id),
    }
    return Event("warning", data, str(edit_id))


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
