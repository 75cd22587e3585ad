"""A client of the stream that keeps everything it has read."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

GENEROUS = 20.0  # seconds: nothing here is about speed


@dataclass
class Reader:
    """`told` is [(event, data)] as it comes; last_id the newest id."""

    response: httpx.Response
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    comments: int = 0
    last_id: int | None = None
    is_over: bool = False
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        name = ""
        async for line in self.response.aiter_lines():
            key, _, value = line.partition(": ")
            match key:
                case "id":
                    self.last_id = int(value)
                case "event":
                    name = value
                case "data":
                    self.told.append((name, orjson.loads(value)))
                case "":
                    self.comments += bool(line)
            self._more.set()
        self.is_over = True
        self._more.set()

    async def until(self, is_enough: Callable[["Reader"], object]) -> None:
        async with asyncio.timeout(GENEROUS):
            while not is_enough(self):
                self._more.clear()
                await self._more.wait()

    async def until_told(self, *names: str) -> list[tuple[str, dict[str, Any]]]:
        """Everything read so far, once every one of these has been."""
        await self.until(lambda reader: set(names) <= {name for name, _ in reader.told})
        return self.told

    def all(self, name: str) -> list[dict[str, Any]]:
        return [data for told, data in self.told if told == name]


@asynccontextmanager
async def streaming(
    http: httpx.AsyncClient, headers: dict[str, str], last_event_id: int | None = None, **params: Any
) -> AsyncIterator[Reader]:
    """An open stream, read in the background."""
    more = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
    async with http.stream("GET", "/api/v1/sync/stream", headers=headers | more, params=params) as response:
        assert response.status_code == 200, await response.aread()
        reader = Reader(response)
        reading = asyncio.create_task(reader.read())
        try:
            yield reader
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
