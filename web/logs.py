"""How both servers log: one line of JSON for each record, or plain text where a person is looking on.

The standard library's logging and a small formatter: uvicorn, asyncpg and whatever else logs already speak it, and a
line costs a few microseconds. A line never holds a body or a secret: a request is told by its route and not by its
address, and an error by its type and place and not by its message, which may quote what a client sent.
"""

import logging
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.types import Scope

requests = logging.getLogger("foresync.requests")

LEVELS = ("debug", "info", "warning", "error")
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})  # asked every few seconds by whoever watches


def configuration(level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`, and so for uvicorn, which hands it to each of its workers."""
    formatter = "web.logs.Text" if sys.stderr.isatty() else "web.logs.JsonLines"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            "httpx": {"level": "WARNING"},  # a line for each look at the registry is noise
            "uvicorn.access": {"level": "CRITICAL"},  # its lines hold addresses; ours are below
        },
    }


def request(scope: Scope, status: int | None, seconds: float) -> None:
    """Log a request that is over. status None: it was left without an answer."""
    route = route_of(scope)
    level = logging.DEBUG if status == 200 and route in QUIET else logging.INFO
    if not requests.isEnabledFor(level):
        return
    state = scope["state"]
    fields = {
        "request_id": state["request_id"],
        "tenant": state.get("tenant"),
        "method": scope["method"],
        "route": route,
        "status": status,
        "ms": round(1000 * seconds, 3),
    }
    if (version := state.get("model_version")) is not None:
        fields["model_version"] = version
    requests.log(level, "request", extra={"fields": fields})


def route_of(scope: Scope) -> str | None:
    """The path of the route that was found, its parameters by name. FastAPI keeps the prefix of a router apart."""
    whole = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    return getattr(whole, "path", None)


class JsonLines(logging.Formatter):
    """at, level, logger, message, then the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = errors(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


class Text(logging.Formatter):
    """The same for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        fields = " ".join(f"{name}={value}" for name, value in getattr(record, "fields", {}).items())
        line = f"{clock} {record.levelname.lower():7s} {record.getMessage()} {fields}".rstrip()
        if record.exc_info and record.exc_info[1]:
            for error in errors(record.exc_info[1]):
                line += "\n    ".join(["", error["type"], *error["at"]])
        return line


def errors(error: BaseException) -> list[dict[str, Any]]:
    """The type and the places of an error and of what led to it, the first cause last."""
    found: list[dict[str, Any]] = []
    one: BaseException | None = error
    while one is not None and len(found) < 10:
        frames = traceback.extract_tb(one.__traceback__)
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        found.append({"type": f"{type(one).__module__}.{type(one).__qualname__}", "at": places})
        one = one.__cause__ or one.__context__
    return found
