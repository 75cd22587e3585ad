"""What every server of ours refuses, and every route of an application as a call that would otherwise be understood.

Routes come from the application itself, so that a new one is asked for its token without anybody thinking of it. The
bodies are made from the OpenAPI document: as small as it allows.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import jwt
from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from web.auth import SCOPES, mint

NOBODYS = "00000000-0000-0000-0000-000000000000"
DOCUMENTS = frozenset({"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"})
OTHER_SECRET = "another secret that is long enough"


@dataclass(frozen=True)
class Call:
    """A request. template: the route's path, with its parameters by name. operation: "" where it is not documented."""

    method: str
    template: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    async def send(self, http: httpx.AsyncClient, headers: Mapping[str, str], **parameters: str) -> httpx.Response:
        """Ask; `parameters` stand in the path instead of the made-up ones."""
        path = self.template.format(**{**self.parameters, **parameters})
        return await http.request(self.method, path, params=dict(self.query), json=self.body, headers=dict(headers))


def calls(app: FastAPI, *, open_to_all: Iterable[str]) -> list[Call]:
    """A call of every route that needs a token, those that the document does not show included."""
    document = app.openapi()
    shut = [c for c in iter_route_contexts(app.routes) if c.path not in {*open_to_all, *DOCUMENTS}]
    assert all(isinstance(context.original_route, APIRoute) for context in shut), shut
    shown = {_endpoint(context): context for context in shut if context.include_in_schema}
    return [
        _call(method, str(context.path), shown[_endpoint(context)], document)
        for context in shut
        for method in sorted(context.methods or ())
    ]


def _endpoint(context: RouteContext) -> tuple[Any, frozenset[str]]:
    return context.endpoint, frozenset(context.methods or ())


def _call(method: str, path: str, shown: RouteContext, document: Mapping[str, Any]) -> Call:
    """shown: the documented route; the same under another address takes the same body."""
    operation = document["paths"][shown.path][method.lower()]
    wanted = [one for one in operation.get("parameters", ()) if one["required"]]
    made = {(one["in"], one["name"]): sampled(one["schema"], document) for one in wanted}
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return Call(
        method,
        path,
        operation["operationId"],
        {name: value for (place, name), value in made.items() if place == "path"},
        {name: value for (place, name), value in made.items() if place == "query"},
        sampled(content["schema"], document) if content else None,
    )


def sampled(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """A value that the schema allows: an example where it gives one, and no more than it requires."""
    if reference := schema.get("$ref"):
        return sampled(document["components"]["schemas"][reference.rsplit("/", 1)[1]], document)
    for chosen in ("examples", "enum", "anyOf", "oneOf", "allOf"):
        if chosen in schema:
            first = schema[chosen][0]
            return first if chosen in ("examples", "enum") else sampled(first, document)
    match schema.get("const", schema.get("type")):
        case "object":
            required, properties = schema.get("required", ()), schema.get("properties", {})
            return {name: sampled(properties[name], document) for name in required}
        case "array":
            return [sampled(schema["items"], document)]
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "string":
            return {"uuid": NOBODYS, "date-time": "2026-01-01T00:00:00Z"}.get(schema.get("format", ""), "x")
        case other:
            return other


def bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def tokens_that_are_none(secret: str, tenant: str, scopes: Iterable[str] = SCOPES) -> dict[str | None, str]:
    """What is no token at all, with the code of its refusal; each would have every scope."""
    rights = tuple(scopes)
    claims = {
        "iss": "foresync", "tenant": tenant, "sub": "u", "scopes": list(rights), "iat": 1, "exp": time.time() + 99,
    }  # fmt: skip
    spoilt = ({"tenant": "a'; --"}, {"tenant": 5}, {"sub": "a\x00"}, {"scopes": "sync"}, {"iss": "else"})
    return {
        None: "token_missing",
        "rubbish": "token_invalid",
        mint(secret, tenant=tenant, user="u", scopes=rights, expires_in=timedelta(hours=-1)): "token_expired",
        mint(OTHER_SECRET, tenant=tenant, user="u", scopes=rights, expires_in=timedelta(hours=1)): "token_invalid",
        jwt.encode(claims, None, algorithm="none"): "token_invalid",
        **{jwt.encode({**claims, **wrong}, secret, algorithm="HS256"): "token_invalid" for wrong in spoilt},
    }


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of what must be a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return answer.status_code, body["code"]


async def none_opens(
    http: httpx.AsyncClient, call: Call, secret: str, tenant: str, needed: frozenset[str], user: str = "u"
) -> None:
    """The call is refused without a token of `tenant` that has one of the needed scopes, and not with one."""
    for token, code in tokens_that_are_none(secret, tenant).items():
        answer = await call.send(http, bearer(token))
        assert refusal(answer) == (401, code), (str(call), token)
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def one(*scopes: str) -> dict[str, str]:
        return bearer(mint(secret, tenant=tenant, user=user, scopes=scopes, expires_in=timedelta(hours=1)))

    for scopes in ((), tuple(set(SCOPES) - needed)):
        assert refusal(await call.send(http, one(*scopes))) == (403, "insufficient_scope"), (str(call), scopes)
    for scope in sorted(needed):
        answer = await call.send(http, one(scope))
        assert answer.status_code < 500 or refusal(answer)[0] == 503, (str(call), answer.text)
        assert answer.status_code not in (401, 403), (str(call), answer.text)
