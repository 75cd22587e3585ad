"""The short way to the routes that are asked most: by their exact method and path, past the framework's search for a
route, its stacks for cleaning up and its solving of parameters, which cost more than all else that HTTP does.

The routes stay declared where they are: the document is made of them, and whatever a short way does not know goes
theirs. What is asked and answered is said in the slices.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from web.problems import Problem, answer

Way = Callable[[Request], Awaitable[Response | None]]  # None: this goes the route's own way
Ways = Mapping[tuple[str, str], tuple[APIRoute, Way]]  # by method and path


def past(*ways: tuple[APIRouter, Callable[..., Any], Way]) -> Ways:
    """Short ways by the router and the endpoint that each of them leads to, under every path that it has."""
    return {(method, route.path): (route, way) for router, endpoint, way in ways for route in _of(router, endpoint)
            for method in route.methods or ()}  # fmt: skip


def _of(router: APIRouter, endpoint: Callable[..., Any]) -> Iterable[APIRoute]:
    return (route for route in router.routes if isinstance(route, APIRoute) and route.endpoint is endpoint)


class Shortcuts:
    """Right outside of the router."""

    def __init__(self, app: ASGIApp, ways: Ways) -> None:
        self.app = app
        self.ways = ways

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self.ways.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        scope["route"], way = found
        try:
            response = await way(Request(scope, receive))
        except Problem as problem:
            response = answer(problem, scope["state"]["request_id"])
        await (response or self.app)(scope, receive, send)
