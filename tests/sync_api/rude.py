"""A prediction server that misbehaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def heard(reader: asyncio.StreamReader) -> bytes:
    """The body of a question, to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-le"))
    return await reader.readexactly(length)


@contextlib.asynccontextmanager
async def speaking(speak: Speak) -> AsyncIterator[str]:
    """A server that has `speak` deal with every connection: its address."""
    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@contextlib.asynccontextmanager
async def rude(answer: bytes | None, *, drips: bool = False) -> AsyncIterator[str]:
    """A server that hears everybody out and then says `answer`, or nothing; `drips`: and then never comes to an end."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        if answer is None:
            await asyncio.sleep(5)
        else:
            writer.write(answer)
        with contextlib.suppress(ConnectionError):
            while drips:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.1)
        writer.close()

    async with speaking(speak) as url:
        yield url
