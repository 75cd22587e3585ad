"""One HTTP exchange, retried: authorisation, compression, waiting. Nothing here knows what is being said.

Every request that goes through is one that may be repeated: PUT and DELETE by nature, pushes, imports, edits and
resolutions because each change, event, edit and conflict has an id of its own and the server keeps its answer.
"""

import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from foresync.client.errors import ApiError, SyncError, UnauthorizedError, UnreachableError, from_response
from foresync.client.retry import Retry

COMPRESS_OVER = 1024  # bytes; below, the header costs more than it saves
SILENCE_SECONDS = 60.0  # a stream without even a heartbeat for so long is broken
COMPRESS_LEVEL = 1  # most of the gain for a fifth of the time

Token = str | Callable[[], str]


class Transport:
    """Sends JSON, returns JSON, or raises SyncError. A callable `token` is asked again after a 401, once."""

    def __init__(self, url: str, token: Token, *, timeout: float, retry: Retry) -> None:
        self._token = token
        self._retry = retry
        self._timeout = timeout
        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=timeout)
        self.recommended_batch_size: int | None = None

    def close(self) -> None:
        self._http.close()

    @property
    def may_refresh(self) -> bool:
        """Whether a token that is refused can be followed by another."""
        return callable(self._token)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        """The body of an answer as it comes, tried once. UnreachableError when it breaks, within the block too."""
        timeout = httpx.Timeout(self._timeout, read=SILENCE_SECONDS)
        try:
            with self._http.stream(
                "GET", path, headers={**headers, **self._authorization()}, timeout=timeout
            ) as answer:
                if not answer.is_success:
                    answer.read()
                    raise from_response(answer)
                yield answer.iter_bytes()
        except httpx.TransportError as error:
            raise UnreachableError(f"GET {path}: {error or type(error).__name__}") from error

    def request(self, method: str, path: str, body: Any = None) -> Any:
        content, headers = encode(body)
        waits = self._retry.waits()
        may_refresh = self.may_refresh
        while True:
            try:
                return self._once(method, path, content, headers)
            except UnauthorizedError:
                if not may_refresh:
                    raise
                may_refresh = False
            except SyncError as error:
                wait = next(waits, None)
                if wait is None or not error.retryable:
                    raise
                time.sleep(max(wait, error.retry_after or 0.0) if isinstance(error, ApiError) else wait)

    def _once(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> Any:
        try:
            response = self._http.request(method, path, content=content, headers={**headers, **self._authorization()})
        except httpx.TransportError as error:
            raise UnreachableError(f"{method} {path}: {error or type(error).__name__}") from error
        if not response.is_success:
            raise from_response(response)
        size = response.headers.get("x-recommended-batch-size", "")
        if size.isdigit() and int(size) > 0:
            self.recommended_batch_size = int(size)
        try:
            return response.json() if response.content else None
        except ValueError as error:  # cut short or rewritten on the way: as good as no answer
            raise UnreachableError(f"{method} {path}: the answer is not JSON") from error

    def _authorization(self) -> dict[str, str]:
        token = self._token() if callable(self._token) else self._token
        return {"Authorization": f"Bearer {token}"}


def encode(body: Any) -> tuple[bytes | None, dict[str, str]]:
    """The bytes of a JSON body and their headers; gzip where it pays."""
    if body is None:
        return None, {}
    content = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
    headers = {"Content-Type": "application/json"}
    if len(content) > COMPRESS_OVER:
        content = gzip.compress(content, COMPRESS_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return content, headers
