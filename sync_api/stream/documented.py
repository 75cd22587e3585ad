"""The events of a stream in OpenAPI's words: each as the object that a reader of server-sent events makes of it."""

from typing import Any

EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["poke", "conflict", "warning", "resync", "end"]},
        "data": {
            "type": "string",
            "description": "A JSON object. poke: {head}. conflict: {conflict_id, entity, server_id, status}. warning: "
            "{edit_id, entity, server_id, conflict_probability, threshold, warning_message, prediction_id}. resync: "
            "{reason}, one of epoch, horizon, position, overrun. end: {reason}, one of expired, draining, rotated.",
        },
        "id": {
            "type": "string",
            "description": "A place in the tenant's order, for `Last-Event-ID`.",
            "examples": ["42"],
        },
        "retry": {"type": "integer", "description": "Milliseconds to wait before coming back."},
    },
    "required": ["data", "event"],
}

STREAMED: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events, until the stream ends.", "content": {"text/event-stream": {"schema": EVENT}}}
}
