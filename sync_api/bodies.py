"""A request body that is decoded strictly: no NaN, no lone surrogate, nothing that PostgreSQL could not keep.

A push judges each change alone and has its own way; see `push.decode`.
"""

from typing import TypeVar

import msgspec

from web.problems import Problem

T = TypeVar("T")


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body. Problem 400 when it is not JSON, 422 when it is not what the decoder expects."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "json_malformed", "The body is not JSON", str(error)[:200]) from error


def invalid(detail: str) -> Problem:
    return Problem(422, "validation_error", "The request is not valid", detail)
