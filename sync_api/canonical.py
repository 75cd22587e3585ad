"""JSON in one spelling only, by RFC 8785 (JCS): what hashes are taken of, so that every client can take them too.

Numbers are IEEE doubles, as they are in a browser: a whole number beyond 2^53 is rounded here as it is there.
"""

import hashlib
from decimal import Decimal
from typing import Any

import orjson

EXACT = 2**53


def encode(value: Any) -> bytes:
    """The canonical JSON of a value as `json.loads` gives it, in UTF-8."""
    if _is_plain(value):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return _spelt(value)


def sha256(value: Any) -> str:
    """Hex SHA-256 of the canonical JSON: the hash by which a client names a value without sending it."""
    return hashlib.sha256(encode(value)).hexdigest()


def is_exact(value: Any) -> bool:
    """Whether no other value has the same hash: beyond 2^53 whole numbers share theirs with their neighbours."""
    match value:
        case bool():
            return True
        case int() | float():
            return -EXACT < value < EXACT
        case dict():
            return all(map(is_exact, value.values()))
        case list():
            return all(map(is_exact, value))
        case _:
            return True


def _is_plain(value: Any) -> bool:
    """Whether our JSON library already spells it canonically, which it does far faster."""
    match value:
        case str() | bool() | None:
            return True
        case int():
            return -EXACT <= value <= EXACT
        case dict():
            return all(key.isascii() and _is_plain(inner) for key, inner in value.items())
        case list():
            return all(map(_is_plain, value))
        case _:
            return False


def _spelt(value: Any) -> bytes:
    match value:
        case dict():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return b"{%b}" % b",".join(b"%b:%b" % (orjson.dumps(name), _spelt(value[name])) for name in names)
        case list():
            return b"[%b]" % b",".join(map(_spelt, value))
        case int() | float() if not isinstance(value, bool):
            return _number(float(value)).encode()
        case _:
            return orjson.dumps(value)


def _number(value: float) -> str:
    """A number as ECMAScript writes it: the shortest digits that name this double."""
    if value == 0:
        return "0"
    sign, places, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    written = "".join(map(str, places))
    digits = written.rstrip("0")
    point = len(written) + exponent  # where the decimal point stands, counted from the first digit
    minus = "-" if sign else ""
    if len(digits) <= point <= 21:
        return minus + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{digits.rjust(len(digits) - point, '0')}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{minus}{digits[0]}{fraction}e{point - 1:+d}"
