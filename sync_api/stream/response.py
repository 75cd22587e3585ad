"""A stream as an HTTP answer: writes what its listener has, and a heartbeat when that is nothing.

It ends with the client, with the token, with its lifetime, and at once when the server is to end.
"""

import asyncio
import random
import time
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sync_api.stream import events
from sync_api.stream.hub import Hub
from sync_api.stream.listener import Listener

SEND_SECONDS = 30.0  # a client that has read nothing for so long is gone
FAREWELL_SECONDS = 1.0  # to say that the server is ending
RETRY_MS = (1000, 5000)  # drawn from, so that a fleet does not come back all at once
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(Response):
    """text/event-stream, for as long as the listener has joined the hub."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, listener: Listener, *, expires_at: float, headers: dict[str, str]) -> None:
        super().__init__(headers=headers | HEADERS)
        del self.headers["content-length"]
        self._hub, self._listener = hub, listener
        rotates_at = time.time() + hub.limits.lifetime
        self._until, self._because = min((expires_at, "expired"), (rotates_at, "rotated"))

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        writing = asyncio.create_task(self._write(send))
        others = {asyncio.create_task(_gone(receive)), asyncio.create_task(self._hub.draining.wait())}
        try:
            await asyncio.wait({writing, *others}, return_when=asyncio.FIRST_COMPLETED)
            if self._hub.draining.is_set() and not writing.done():
                self._listener.stir()
                await asyncio.wait({writing}, timeout=FAREWELL_SECONDS)
        finally:
            self._hub.leave(self._listener)
            for task in (writing, *others):
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        with suppress(asyncio.CancelledError, OSError, TimeoutError):  # the client has gone, or reads nothing
            await writing

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _send(send, events.retry(random.randint(*RETRY_MS)))  # noqa: S311 - jitter, no secret
        while True:
            left = self._until - time.time()
            is_news = await self._listener.stirred(max(0.0, min(self._hub.limits.heartbeat, left)))
            if told := self._listener.take():
                await _send(send, told)
            elif not is_news and left > self._hub.limits.heartbeat:
                await _send(send, events.HEARTBEAT)
            if because := self._ended():
                await _send(send, events.frames([events.end(because)], self._listener.position), is_last=True)
                return

    def _ended(self) -> str | None:
        if self._hub.draining.is_set():
            return "draining"
        return self._because if time.time() >= self._until else None


async def _send(send: Send, body: bytes, *, is_last: bool = False) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": not is_last})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
