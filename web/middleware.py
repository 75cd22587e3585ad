"""What both servers do around every request: an id, a line in the log, one path with and without its slash, bounded
bodies.

Plain ASGI, because a middleware that wraps requests in objects costs more than our handlers do. Nothing here knows
a route.
"""

import re
import time
import uuid

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import bodies, logs
from web.problems import Problem, answer

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def install(app: FastAPI, *, max_body_bytes: int) -> None:
    """Wrap `app`. Leaves in `request.state`: `request_id`, and `wire_bytes` (the body's size before inflating)."""
    app.router.redirect_slashes = False
    app.add_middleware(BoundedBody, max_body_bytes=max_body_bytes)
    app.add_middleware(OnePath)
    app.add_middleware(Told)


class Told:
    """Takes the caller's `X-Request-ID` or makes one, says it back, and logs what became of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status: int | None = None

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, tell)
        except Exception:
            status = 500  # which is answered further out
            raise
        finally:
            logs.request(scope, status, time.perf_counter() - began)


class OnePath:
    """Answers `/path/` as `/path`: routes are declared without the slash."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/") and scope["path"] != "/":
            scope["path"] = scope["path"].rstrip("/") or "/"
        await self.app(scope, receive, send)


class BoundedBody:
    """Reads the body, at most `max_body_bytes` of it both on the wire and inflated, and hands it on in one piece."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app = app
        self.limit = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            wire = await self._read(headers, receive)
            body = bodies.inflate(wire, headers.get("content-encoding", ""), self.limit)
        except Problem as problem:
            await answer(problem, scope.get("state", {}).get("request_id"))(scope, receive, send)
            return
        except ConnectionError:
            return  # the caller has gone: nobody to answer
        scope.setdefault("state", {})["wire_bytes"] = len(wire)
        if "content-encoding" in headers:
            _make_plain(scope, len(body))
        await self.app(scope, _once(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        announced = headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self.limit:
            raise bodies.too_large(self.limit)
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self.limit:
                raise bodies.too_large(self.limit)
            if not message.get("more_body"):
                return b"".join(chunks)


def _make_plain(scope: Scope, length: int) -> None:
    """As if the request had come uncompressed. In place: what the router finds out is read further out, for the log."""
    kept = [(k, v) for k, v in scope["headers"] if k not in (b"content-encoding", b"content-length")]
    scope["headers"] = [*kept, (b"content-length", str(length).encode())]


def _once(body: bytes, receive: Receive) -> Receive:
    given = False

    async def hand_on() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return hand_on
