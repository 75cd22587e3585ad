"""A prediction server over real HTTP, and what the tests of this room ask of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import anyio.from_thread
import httpx
import uvicorn
from fastapi import FastAPI

from serving.app import create_app
from serving.settings import Settings
from web.auth import mint


class Server:
    """A running server: `url`, and a client that speaks to it as a user of a tenant."""

    def __init__(self, url: str, secret: str) -> None:
        self.url = url
        self._secret = secret

    def client(
        self, tenant: str = "acme", user: str = "ann", scopes: tuple[str, ...] = ("predict",)
    ) -> httpx.AsyncClient:
        token = mint(self._secret, tenant=tenant, user=user, scopes=scopes, expires_in=timedelta(hours=1))
        return self._http({"Authorization": f"Bearer {token}"})

    async def get(self, path: str) -> httpx.Response:
        async with self._http({}) as client:
            return await client.get(path)

    def _http(self, headers: dict[str, str]) -> httpx.AsyncClient:
        # TLS, which nobody speaks here, would take longer to prepare than most questions
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, verify=False)

    async def ask(self, tenant: str = "acme", user: str = "ann", **question: Any) -> dict[str, Any]:
        """One prediction; fails unless it is answered with 200."""
        body = {"user_id": user, "entity_type": "task", "entity_id": "t1"} | question
        async with self.client(tenant, user) as client:
            answer = await client.post("/api/ml/predict-conflict/", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def counted(self, sample: str) -> float:
        """The value of one sample of /metrics, 0 when it is not there."""
        for line in (await self.get("/metrics")).text.splitlines():
            if line.startswith(f"{sample} "):
                return float(line.split()[-1])
        return 0.0


@contextlib.asynccontextmanager
async def serve(settings: Settings, app: FastAPI | None = None) -> AsyncIterator[Server]:
    """Run the application on a free port until the block ends, then shut it down as SIGTERM would."""
    app = app or create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    server.install_signal_handlers = lambda: None
    running = asyncio.create_task(server.serve())
    while not server.started:
        assert not running.done(), "the server did not start"
        await asyncio.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Server(f"http://127.0.0.1:{port}", settings.jwt_secret.get_secret_value())
    finally:
        server.should_exit = True
        await running


@contextlib.contextmanager
def serve_in_a_thread(settings: Settings) -> Iterator[str]:
    """The same for tests that are no coroutines: the address, with an event loop of its own behind it."""
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(settings)) as server,
    ):
        yield server.url


async def eventually(holds: Callable[[], Any], tries: int = 200) -> None:
    """Wait until an awaitable condition is true."""
    for _ in range(tries):
        if await holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came true")
