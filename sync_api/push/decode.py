"""Bytes → a push in which every change is either well formed or named as malformed.

The whole body is decoded in one go when it can be. When it cannot, each change is judged alone, so that one
poisoned change (NaN, a lone surrogate, a number or a depth out of range) never blocks its neighbours.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from sync_api.engine.values import LARGEST_INTEGER, MAX_FIELDS
from sync_api.push.schemas import MAX_CHANGES, ChangeIn, Envelope, Malformed, Push, PushIn
from web.problems import Problem

MAX_DEPTH = 20
MAX_VALUES = 20_000  # in one change, nested ones counted
LONGEST_NAME = 200  # of a field
NUL = "\x00"
DEEPEST_READ = 100
UNSTORABLE = '"\\u0000"'
_BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)

C = TypeVar("C", bound=ChangeIn)
Checked = Callable[[C], C | Malformed]

_whole = msgspec.json.Decoder(PushIn)


def push(body: bytes) -> Push:
    """The push in `body`. Problem 400 when it is not JSON, 422 when its envelope is wrong."""
    return read(body, _whole, ChangeIn, checked)


def read(body: bytes, whole: "msgspec.json.Decoder[Any]", kind: type[C], check: Checked[C]) -> Push:
    """The same for changes of another kind. whole: decodes a body whose changes are all of it. check: says what else
    can be wrong with one."""
    try:
        decoded = whole.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _one_by_one(body, kind, check)
    _check_envelope(decoded)
    return Push(decoded, [check(change) for change in decoded.changes], len(body))


def _one_by_one(body: bytes, kind: type[C], check: Checked[C]) -> Push:
    try:
        # the standard library alone reads NaN, lone surrogates and numbers out of range, so that we can say which
        # change has them; what it cannot read is no JSON by anybody's measure
        raw = json.loads(_pruned(body.decode("utf-8", "surrogateescape")), parse_int=_integer)
    except ValueError as error:
        raise Problem(400, "json_malformed", "The body is not JSON", str(error)[:200]) from error
    if not isinstance(raw, dict):
        raise Problem(422, "validation_error", "The request is not valid", "the body must be an object")
    changes = raw.pop("changes", [])
    if not isinstance(changes, list) or len(changes) > MAX_CHANGES:
        raise Problem(422, "validation_error", "The request is not valid", f"changes: a list of at most {MAX_CHANGES}")
    try:
        envelope = msgspec.convert(raw, Envelope)
    except msgspec.ValidationError as error:
        raise Problem(422, "validation_error", "The request is not valid", str(error)) from error
    _check_envelope(envelope)
    return Push(envelope, [_converted(change, kind, check) for change in changes], len(body))


def _pruned(text: str) -> str:
    """The text with everything nested beyond any use replaced by a value that is sure to be refused.

    Without it the depth of one change would exhaust the parser's stack, and the batch with it.
    """
    kept: list[str] = []
    depth = start = 0
    for token in _BRACKET_OR_STRING.finditer(text):
        match token[0]:
            case "{" | "[":
                depth += 1
                if depth == DEEPEST_READ:
                    kept += (text[start : token.start()], UNSTORABLE)
            case "}" | "]":
                if depth == DEEPEST_READ:
                    start = token.end()
                depth -= 1
    return "".join((*kept, text[start:])) if kept else text


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 20 else float("inf")


def _converted(raw: Any, kind: type[C], check: Checked[C]) -> C | Malformed:
    try:
        change = msgspec.convert(raw, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        return _malformed(raw if isinstance(raw, dict) else {}, str(error))
    return check(change)


def checked(change: C) -> C | Malformed:
    """The change, or why it cannot be stored as it is."""
    try:
        _check_names(change)
        if change.data:
            _check(change.data)
        if change.base:
            _check(change.base)
    except _RefusedError as refused:
        return _malformed({"entity": change.entity, "offline_id": change.offline_id}, str(refused))
    return change


def _malformed(raw: Mapping[str, Any], complaint: str) -> Malformed:
    def told(name: str) -> str | None:
        value = raw.get(name)
        return value[:200] if isinstance(value, str) and is_storable(value) else None

    return Malformed(told("entity"), told("offline_id"), complaint)


class _RefusedError(Exception):
    """Why a value cannot be stored."""


def is_storable(text: str) -> bool:
    """Whether PostgreSQL takes the text: no NUL, no lone surrogate."""
    if text.isascii():
        return NUL not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return NUL not in text


def complaint(data: Mapping[str, Any]) -> str | None:
    """Why these fields could not be stored and given back as they came, or None."""
    try:
        _check(data)
    except _RefusedError as refused:
        return str(refused)
    return None


def _check_names(change: ChangeIn) -> None:
    if not is_storable(f"{change.entity}{change.offline_id}{change.server_id or ''}"):
        raise _RefusedError("a name holds a character that cannot be stored")


def _check_envelope(envelope: Envelope) -> None:
    try:
        for text in (envelope.device_id, envelope.network_type, envelope.sync_session_id):
            if text is not None and not is_storable(text):
                raise _RefusedError("a name holds a character that cannot be stored")
        _check(envelope.device_metadata or {})
    except _RefusedError as refused:
        raise Problem(422, "validation_error", "The request is not valid", str(refused)) from refused


@lru_cache(maxsize=4096)  # the same few in every change
def _is_name(name: str) -> bool:
    return name[:1] not in ("", "_") and name.isprintable() and is_storable(name)


def _check(data: Mapping[str, Any]) -> None:
    """_RefusedError when the fields hold something that could not be stored and given back as it came."""
    if len(data) > MAX_FIELDS:
        raise _RefusedError(f"data: at most {MAX_FIELDS} fields")
    room = MAX_VALUES
    for name, value in data.items():
        if len(name) > LONGEST_NAME or not _is_name(name):
            raise _RefusedError(
                f"data: a field's name is printable, at most {LONGEST_NAME} characters, with no leading underscore"
            )
        kind = type(value)
        if kind is str:
            if not is_storable(value):
                raise _RefusedError(f"{name}: holds a character that cannot be stored")
        elif value is not None and kind is not bool:
            room = _check_value(name, value, 1, room)


def _check_value(name: str, value: Any, depth: int, room: int) -> int:
    """Walk a value; how many more values the change may hold."""
    if depth > MAX_DEPTH:
        raise _RefusedError(f"{name}: nested deeper than {MAX_DEPTH}")
    if room <= 0:
        raise _RefusedError(f"{name}: more than {MAX_VALUES} values")
    match value:
        case str():
            if not is_storable(value):
                raise _RefusedError(f"{name}: holds a character that cannot be stored")
        case bool() | None:
            pass
        case int():
            if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
                raise _RefusedError(f"{name}: a whole number beyond 64 bits")
        case float():
            if value - value != 0:  # NaN or infinite
                raise _RefusedError(f"{name}: not a finite number")
        case dict():
            for key, inner in value.items():
                if not is_storable(key):
                    raise _RefusedError(f"{name}: holds a character that cannot be stored")
                room = _check_value(name, inner, depth + 1, room)
        case list():
            for inner in value:
                room = _check_value(name, inner, depth + 1, room)
    return room - 1
