"""A TCP cable between a server and its PostgreSQL that a test can pull out and put back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Cable:
    """Forwards what comes to `port`; once `pull`ed, connections are cut and new ones refused until `plug`ged."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def plug(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def pull(self) -> None:
        assert self._server
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _carry(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far_in, far_out = await asyncio.open_connection(*self._target)
        self._open |= {near_out, far_out}
        await asyncio.gather(_copy(near_in, far_out), _copy(far_in, near_out))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


@contextlib.asynccontextmanager
async def laid(url: str) -> AsyncIterator[tuple[Cable, str]]:
    """A cable to the server of a libpq URL, and the URL of its near end."""
    address = urlsplit(url)
    cable = Cable(address.hostname or "", address.port or 5432)
    await cable.plug()
    try:
        yield cable, url.replace(f":{address.port}/", f":{cable.port}/")
    finally:
        await cable.pull()
