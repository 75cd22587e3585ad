"""What happens around every request, and how every error is said."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel

from web import middleware, problems
from web.problems import Problem


class Thing(BaseModel):
    size: int


def application() -> FastAPI:
    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> dict[str, Any]:
        body = await request.body()
        return {"body": body.decode(), "wire": request.state.wire_bytes, "length": request.headers["content-length"]}

    @app.post("/thing")
    async def thing(thing: Thing) -> Thing:
        return thing

    @app.get("/teapot")
    async def teapot() -> None:
        raise Problem(418, "teapot", "A teapot", "short", retryable=True, headers={"Retry-After": "5"})

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a secret of ours")

    middleware.install(app, max_body_bytes=100)
    problems.install(app)
    return app


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        yield client


async def test_a_compressed_body_arrives_as_if_it_had_not_been(http: httpx.AsyncClient) -> None:
    squeezed = gzip.compress(b"a" * 90)
    told = (await http.post("/echo", content=squeezed, headers={"Content-Encoding": "gzip"})).json()
    assert told == {"body": "a" * 90, "wire": len(squeezed), "length": "90"}


async def test_a_body_without_a_length_is_cut_off_at_the_limit(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 50

    answer = await http.post("/echo", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_path_answers_with_and_without_its_slash(http: httpx.AsyncClient) -> None:
    for path in ("/echo", "/echo/"):
        assert (await http.post(path, content=b"x")).json()["body"] == "x"


async def test_a_problem_is_said_whole(http: httpx.AsyncClient) -> None:
    answer = await http.get("/teapot", headers={"X-Request-ID": "mine-1"})
    assert answer.status_code == 418
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.headers["Retry-After"], answer.headers["X-Request-ID"]) == ("5", "mine-1")
    assert answer.json() == {
        "type": "about:blank", "title": "A teapot", "status": 418, "code": "teapot", "retryable": True,
        "detail": "short", "request_id": "mine-1",
    }  # fmt: skip


async def test_a_request_id_that_could_forge_a_log_line_is_replaced(http: httpx.AsyncClient) -> None:
    answer = await http.get("/teapot", headers={"X-Request-ID": "a b\tc"})
    assert answer.headers["X-Request-ID"] != "a b\tc"


async def test_an_unexpected_error_tells_nothing_of_our_inside(http: httpx.AsyncClient) -> None:
    answer = await http.get("/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text


async def test_what_is_not_valid_is_named(http: httpx.AsyncClient) -> None:
    answer = await http.post("/thing", json={"size": "big"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.json()["detail"].startswith("body.size")
