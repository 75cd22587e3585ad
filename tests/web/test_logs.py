"""A request is told by its route, an error by its type and place: never by what a client sent, nor by a secret."""

import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request

from web import logs, middleware, problems
from web.auth import caller, mint

SECRET = "s" * 32


def application() -> FastAPI:
    app, router = FastAPI(), APIRouter()
    app.state.jwt_secret = SECRET

    @router.post("/records/{name}", dependencies=[Depends(caller("sync"))])
    async def record(name: str, request: Request) -> str:
        if name == "broken":
            try:
                int((await request.body()).decode())
            except ValueError as error:
                raise RuntimeError("password=hunter2") from error
        return name

    @router.get("/healthz")
    async def healthz() -> str:
        return "ok"

    app.include_router(router, prefix="/api")
    app.add_api_route("/healthz", healthz)
    middleware.install(app, max_body_bytes=100)
    problems.install(app)
    return app


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    token = mint(SECRET, tenant="acme", user="ann", scopes=("sync",), expires_in=timedelta(hours=1))
    transport = httpx.ASGITransport(app=application(), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "r-1"}
    async with httpx.AsyncClient(transport=transport, base_url="http://app", headers=headers) as client:
        yield client


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "foresync")

    def written(formatter: logging.Formatter | None = None) -> list[str]:
        return [
            (formatter or logs.JsonLines()).format(one) for one in caplog.records if one.name.startswith("foresync")
        ]

    return written


async def test_a_request_is_one_line(http, lines):
    await http.post("/api/records/valve-7/?note=private", content=b"a body")
    [line] = lines()
    told = json.loads(line)
    assert told.pop("ms") > 0 and told.pop("at").endswith("+00:00")
    assert told == {
        "level": "info", "logger": "foresync.requests", "message": "request", "request_id": "r-1", "tenant": "acme",
        "method": "POST", "route": "/api/records/{name}", "status": 200,
    }  # fmt: skip
    for private in ("valve-7", "private", "a body", "Bearer"):
        assert private not in line


@pytest.mark.parametrize(
    ("path", "content", "status", "route"),
    [
        ("/nowhere/secret-path", b"", 404, None),
        ("/api/records/x", b"a" * 101, 413, None),
        ("/healthz", b"", 405, "/healthz"),
    ],
)
async def test_a_refusal_is_a_line_too(http, lines, path, content, status, route):
    await http.post(path, content=content)
    [told] = map(json.loads, lines())
    assert (told["status"], told["route"], told["request_id"]) == (status, route, "r-1")


async def test_without_a_token_there_is_no_tenant(http, lines):
    await http.post("/api/records/x", headers={"Authorization": "Bearer rubbish"})
    [told] = map(json.loads, lines())
    assert (told["status"], told["tenant"]) == (401, None)


async def test_who_looks_whether_it_is_alive_is_not_told(http, lines):
    await http.get("/healthz")
    assert lines() == []


@pytest.mark.parametrize("formatter", [logs.JsonLines(), logs.Text()])
async def test_an_error_is_told_by_type_and_place_alone(http, lines, formatter):
    answer = await http.post("/api/records/broken", content=b"private body")
    assert (answer.status_code, answer.json()["request_id"]) == (500, "r-1")
    written = "\n".join(lines(formatter))
    for told in ("builtins.RuntimeError", "builtins.ValueError", "test_logs.py", "r-1", "500"):
        assert told in written
    for private in ("hunter2", "private body", "int()"):
        assert private not in written


def test_the_configuration_holds_for_uvicorn_too():
    configuration = logs.configuration("warning")
    assert configuration["root"] == {"handlers": ["stderr"], "level": "WARNING"}
    assert "web.logs." in configuration["formatters"]["line"]["()"]
