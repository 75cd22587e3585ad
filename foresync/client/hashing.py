"""A value by its hash: hex SHA-256 of its RFC 8785 JSON, which every client and the server spell alike.

Numbers are IEEE doubles there, so that whole numbers beyond 2^53 share their hashes: `is_told_apart` says so.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

EXACT = 2**53
_MOMENT = re.compile(
    "([0-9]{4}-[0-9]{2}-[0-9]{2})"
    "([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?"
)


def canonical(value: Any) -> str:
    """The RFC 8785 JSON of a value. ValueError or TypeError for what JSON cannot say."""
    match value:
        case Mapping():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return "{" + ",".join(f"{_text(name)}:{canonical(value[name])}" for name in names) + "}"
        case list() | tuple():
            return "[" + ",".join(map(canonical, value)) + "]"
        case bool() | None:
            return json.dumps(value)
        case int() | float():
            return _number(float(value))
        case str():
            return _text(value)
        case _:
            raise TypeError(f"no JSON value: {type(value).__name__}")


def sha256(value: Any) -> str:
    """Hex SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def kind(value: Any) -> str | None:
    """What the server may be told of a hashed value. None where the hash alone says it."""
    match value:
        case bool() | None:
            return None
        case str():
            return "datetime" if _is_moment(value) else "string"
        case int():
            return "integer"
        case float():
            return "number"
        case Mapping():
            return "object"
        case _:
            return "list"


def is_told_apart(value: Any) -> bool:
    """Whether no other value has this hash."""
    match value:
        case bool():
            return True
        case int() | float():
            return -EXACT < value < EXACT
        case Mapping():
            return all(map(is_told_apart, value.values()))
        case list() | tuple():
            return all(map(is_told_apart, value))
        case _:
            return True


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """As ECMAScript writes it: plain from 1e-6 up to below 1e21, else with an exponent."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("JSON has no such number")
    if value == 0:
        return "0"
    shortest = Decimal(repr(value)).normalize()
    if 1e-6 <= abs(value) < 1e21:
        return f"{shortest:f}"
    digits, power = f"{shortest:e}".split("e")
    return f"{digits}e{int(power):+d}"


def _is_moment(text: str) -> bool:
    found = _MOMENT.fullmatch(text)
    try:
        return found is not None and bool(date.fromisoformat(found[1]))
    except ValueError:  # no day of the calendar
        return False
