"""What can go wrong on the way, as exceptions built from problem+json (RFC 9457).

None of them means that unsent work is lost: whoever holds the changes keeps them and sends the same ones again.
"""

from typing import Any

import httpx


class SyncError(Exception):
    """Anything that kept a request from being answered."""

    retryable = False


class UnreachableError(SyncError):
    """No answer came: refused, reset, timed out. The server may have taken the request all the same."""

    retryable = True


class ApiError(SyncError):
    """The server answered with a problem.

    `status` is the HTTP status, `code` the server's short name for the problem, `retry_after` seconds, if given.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        problem: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.retry_after = retry_after
        self.problem = problem or {}


class UnauthorizedError(ApiError):
    """401: the token is missing, wrong or expired. A new token and the same request will do."""


class ForbiddenError(ApiError):
    """403: the token is good, its scopes do not reach this far."""


class ResyncRequiredError(ApiError):
    """410: the feed cannot be continued from there. Read again from 0; unsent changes stay as they are."""


class TooLargeError(ApiError):
    """413: the body is larger than the server takes, inflated. Send fewer changes at a time."""


class InvalidRequestError(ApiError):
    """Any other 4xx: the request itself is wrong, and will be wrong again."""


class RateLimitedError(ApiError):
    """429: too fast; `retry_after` says how long to wait, if the server did."""


class ServerError(ApiError):
    """5xx: the server failed. The same request may be sent again."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    410: ResyncRequiredError,
    413: TooLargeError,
    429: RateLimitedError,
}


def from_response(response: httpx.Response) -> ApiError:
    """The exception for an answer that is not 2xx, also when its body is no problem document (a proxy's page)."""
    try:
        body = response.json()
    except ValueError:
        body = None
    problem: dict[str, Any] = body if isinstance(body, dict) else {}
    status = response.status_code
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else InvalidRequestError)
    detail = problem.get("detail") or problem.get("title") or response.reason_phrase or "no detail"
    return kind(
        status,
        str(problem.get("code") or f"http_{status}"),
        str(detail),
        retryable=bool(problem.get("retryable", status == 429 or status >= 500)),
        retry_after=_seconds(response.headers.get("retry-after")),
        problem=problem,
    )


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:  # an HTTP date: our own backoff is close enough
        return None
