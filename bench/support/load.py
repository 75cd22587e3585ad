"""A load generator that costs little: keep-alive HTTP/1.1 over asyncio streams; bodies come encoded."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


class Connection:
    """One keep-alive connection. Not a general client: it expects a body, and a line that stays open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def open(cls, url: str) -> "Connection":
        host, port = url.removeprefix("http://").split(":")
        return cls(*await asyncio.open_connection(host, int(port)), f"{host}:{port}")

    async def post(self, path: str, token: str | None, body: bytes) -> tuple[int, bytes]:
        """Send a JSON body; return the status and the body of the answer."""
        return await self._ask("POST", path, token, body)

    async def get(self, path: str, token: str) -> tuple[int, bytes]:
        """Ask for a path; return the status and the body of the answer."""
        return await self._ask("GET", path, token, b"")

    async def _ask(self, method: str, path: str, token: str | None, body: bytes) -> tuple[int, bytes]:
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{bearer}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        lines = answer.decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        return int(lines[0].split(" ")[1]), await self._body(headers)

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        chunks: list[bytes] = []
        while size := int(await self._reader.readline(), 16):
            chunks.append(await self._reader.readexactly(size))
            await self._reader.readline()
        await self._reader.readline()
        return b"".join(chunks)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def drain(lanes: Iterable[Iterable[Item]], send: Callable[[int, Item], Awaitable[None]]) -> None:
    """Work off every lane in its own order, all lanes at once."""

    async def work(number: int, lane: Iterable[Item]) -> None:
        for item in lane:
            await send(number, item)

    await asyncio.gather(*(work(number, lane) for number, lane in enumerate(lanes)))
