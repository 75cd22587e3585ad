"""A sync server over real HTTP, and devices that push to it as a tenant's users."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn

from sync_api.app import create_app
from sync_api.settings import Settings
from web.auth import mint

EVERY_SCOPE = ("sync", "import", "admin")
_offline_ids = itertools.count(1)


@contextlib.asynccontextmanager
async def running(api_url: str, secret: str, **settings: Any) -> AsyncIterator[str]:
    """The address of a server; it ends with the block."""
    app = create_app(Settings(api_database_url=api_url, jwt_secret=secret, **settings))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_keep_alive=60))
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


class Tenant:
    """A tenant of its own for a test."""

    def __init__(self, http: httpx.AsyncClient, secret: str, name: str) -> None:
        self.http = http
        self.secret = secret
        self.name = name

    def headers(self, user: str = "ann", scopes: tuple[str, ...] = EVERY_SCOPE) -> dict[str, str]:
        token = mint(self.secret, tenant=self.name, user=user, scopes=scopes, expires_in=timedelta(hours=1))
        return {"Authorization": f"Bearer {token}"}

    def device(self, user: str, name: str | None = None) -> "Device":
        return Device(self, user, name or f"{user}-phone")

    async def policy(self, strategy: str, entity: str = "task", **rest: Any) -> None:
        answer = await self.http.put(
            f"/api/v1/policies/{entity}", headers=self.headers(), json={"strategy": strategy, **rest}
        )
        assert answer.status_code == 200, answer.text

    async def import_(self, *items: dict[str, Any]) -> list[dict[str, Any]]:
        answer = await self.http.post("/api/v1/import/batch", headers=self.headers(), json={"items": items})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["results"])


class Device:
    """One device of one user."""

    def __init__(self, tenant: Tenant, user: str, name: str) -> None:
        self.tenant = tenant
        self.user = user
        self.name = name

    def envelope(self, *changes: dict[str, Any], **rest: Any) -> dict[str, Any]:
        return {"device_id": self.name, "client_time": now(), "changes": list(changes), **rest}

    async def post(self, **request: Any) -> httpx.Response:
        return await self.tenant.http.post(
            "/api/v1/sync/push", headers=self.tenant.headers(self.user, ("sync",)), **request
        )

    async def push(self, *changes: dict[str, Any], **rest: Any) -> dict[str, Any]:
        answer = await self.post(json=self.envelope(*changes, **rest))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def one(self, **change_: Any) -> dict[str, Any]:
        """Push a single change; its verdict, with the list that it stands in as `list`."""
        return verdict(await self.push(change(**change_)))


def verdict(answer: dict[str, Any]) -> dict[str, Any]:
    """The only verdict of an answer."""
    ((name, item),) = [(name, item) for name in ("applied", "conflicts", "rejected") for item in answer[name]]
    return {"list": name, **item}


def change(op: str = "update", entity: str = "task", **rest: Any) -> dict[str, Any]:
    """A change with an offline_id of its own unless it names one."""
    return {"entity": entity, "op": op, "offline_id": f"o{next(_offline_ids)}", **rest}


def now(**off: float) -> str:
    return (datetime.now(UTC) + timedelta(**off)).isoformat()
