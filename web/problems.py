"""How an error is said: RFC 9457 problem+json with a `code` that programs read and a `retryable` that queues obey.

No 4xx of ours ever means that a client may forget unsent work. What an error *means* belongs to the room that
raises it; here is only its shape on the wire.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

logger = logging.getLogger("foresync.web")

MEDIA_TYPE = "application/problem+json"
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem, and so do we
    """An error that the caller is meant to read.

    status: HTTP status. code: stable snake_case name. title: what kind of error, the same every time. detail: what
    happened this time. retryable: whether the same request may succeed later. headers: added to the answer.
    extra: further members of the body, as the RFC allows.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str | None = None,
        *,
        retryable: bool = False,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.retryable = retryable
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def body(self, instance: str | None = None) -> dict[str, Any]:
        """The problem as a JSON object."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "retryable": self.retryable,
        }
        if self.detail:
            body["detail"] = self.detail
        if instance:
            body["request_id"] = instance
        return body | self.extra


def answer(problem: Problem, request_id: str | None = None) -> Response:
    """The problem as an HTTP answer."""
    return JSONResponse(
        problem.body(request_id), status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )


def not_valid(errors: Sequence[Any], *where: str) -> Problem:
    """422 for the first of pydantic's `errors`, which are about what is at `where`."""
    first = errors[0]
    place = ".".join(str(part) for part in (*where, *first["loc"]))
    # a name that is no Unicode comes back as it can be written
    detail = f"{place}: {first['msg']}".encode(errors="replace").decode()
    return Problem(422, "validation_error", "The request is not valid", detail)


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem, the unexpected ones included."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return answer(error, _request_id(request))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(not_valid(error.errors()), _request_id(request))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, "http_error")
        problem = Problem(error.status_code, code, str(error.detail), headers=error.headers)
        return answer(problem, _request_id(request))

    async def unexpected(request: Request, error: Exception) -> Response:
        logger.error("request %s failed", _request_id(request), exc_info=error)
        problem = Problem(500, "internal_error", "Something went wrong on the server", retryable=True)
        return answer(problem, _request_id(request))

    app.add_exception_handler(Problem, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)
