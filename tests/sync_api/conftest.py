"""A sync server on this module's database, a new tenant for every test, and a way to look at what was stored."""

import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from sync_api.db.tenants import ensure_tenant
from tests.sync_api.running import Tenant, running

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def server(api_url: str, jwt_secret: str) -> AsyncIterator[str]:
    async with running(api_url, jwt_secret, api_max_body_bytes=2_000_000) as url:
        yield url


@pytest.fixture(scope="module")
async def http(server: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server, timeout=30) as client:
        yield client


@pytest.fixture
def new_tenant(http: httpx.AsyncClient, database_url: str, jwt_secret: str) -> Callable[[], Tenant]:
    def make() -> Tenant:
        name = f"tenant-{next(_numbers)}"
        ensure_tenant(database_url, name)
        return Tenant(http, jwt_secret, name)

    return make


@pytest.fixture
def tenant(new_tenant: Callable[[], Tenant]) -> Tenant:
    return new_tenant()


@pytest.fixture
def sql(db: "asyncpg.Connection[Any]") -> "asyncpg.Connection[Any]":
    """`db`, as this room calls it."""
    return db
