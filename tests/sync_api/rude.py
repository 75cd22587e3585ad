"""A prediction server that misbehaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def rude(answer: bytes | None, *, drips: bool = False) -> AsyncIterator[str]:
    """A server that hears everybody out and then says `answer`, or nothing; `drips`: and then never comes to an end."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-le"))
        await reader.readexactly(length)
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

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
