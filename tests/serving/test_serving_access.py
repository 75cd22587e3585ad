"""Who may ask for predictions. Every route of the application is asked."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from serving.app import create_app
from serving.settings import Settings
from tests.access import Call, calls, none_opens
from tests.serving.running import serve

OPEN = {"/healthz", "/readyz", "/metrics", "/model"}

_app = create_app(Settings(database_url="postgresql://nowhere", jwt_secret="x" * 32, model_cache=Path("nowhere")))
CALLS = calls(_app, open_to_all=OPEN)


@pytest.fixture
async def http(settings: Callable[..., Settings]) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(settings()) as server, httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        yield client


def test_there_are_routes_to_be_asked() -> None:
    assert {"/api/ml/predict-conflict", "/api/v1/predict-conflict/batch"} <= {call.template for call in CALLS}


@pytest.mark.parametrize("call", CALLS, ids=str)
async def test_no_route_opens_without_the_right_token(http: httpx.AsyncClient, jwt_secret: str, call: Call) -> None:
    user = str(call.body["user_id"])
    await none_opens(http, call, jwt_secret, "acme", frozenset({"predict"}), user)
