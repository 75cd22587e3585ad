"""Who is calling: an HS256 JWT becomes a `Caller`.

What a caller may see inside a tenant (projects, devices) is the business of the room that holds the data.
"""

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from fastapi import Request
from fastapi.security import HTTPBearer

from web.problems import Problem
from web.tokens import ISSUER, SCOPES, check_secret, is_tenant, is_user, mint

__all__ = ["SCOPES", "Caller", "caller", "check_secret", "mint", "verify"]

LEEWAY = 5  # seconds by which clocks may differ
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified claims of a token. expires_at: until when it is good, by `time.time`."""

    tenant: str
    user: str
    scopes: frozenset[str]
    expires_at: float = field(default=math.inf, compare=False)


_verified: dict[tuple[str, str], Caller] = {}  # by (secret, token)


def verify(secret: str, token: str) -> Caller:
    """The caller that the token names. Problem 401 `token_expired` or `token_invalid`.

    A token that was found good is good until it expires: a device sends the same one with every batch.
    """
    known = _verified.get((secret, token))
    if known is not None and time.time() < known.expires_at:
        return known
    claims = _claims(secret, token)
    who = _caller(claims)
    if len(_verified) >= MOST_REMEMBERED:
        del _verified[next(iter(_verified))]
    _verified[secret, token] = who
    return who


def _claims(secret: str, token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            issuer=ISSUER,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "iss", "sub", "tenant", "scopes"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise _unauthorized("token_expired", "The token has expired") from error
    except (jwt.InvalidTokenError, ValueError) as error:
        raise _unauthorized("token_invalid", "The token is not valid") from error
    return claims


class _Bearer(HTTPBearer):
    """A FastAPI dependency and security scheme in one, because every further dependency costs every request."""

    def __init__(self, scopes: frozenset[str]) -> None:
        super().__init__(
            auto_error=False, scheme_name="bearer", description="`foresync token --tenant T --user U` prints one."
        )
        self._scopes = scopes

    async def __call__(self, request: Request) -> Caller:  # type: ignore[override]  # verified, where the base is not
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("token_missing", "This needs a bearer token")
        who = verify(request.app.state.jwt_secret, token)
        if missing := self._scopes - who.scopes:
            names = ", ".join(sorted(missing))
            raise Problem(403, "insufficient_scope", "The token does not allow this", f"missing scope: {names}")
        request.scope.setdefault("state", {})["tenant"] = who.tenant  # for the log
        return who


def caller(*scopes: str) -> Callable[[Request], Awaitable[Caller]]:
    """A FastAPI dependency that wants a valid token with every one of `scopes`.

    Reads the secret from `app.state.jwt_secret`. Problem 401 without a valid token, 403 `insufficient_scope`.
    """
    if unknown := set(scopes) - set(SCOPES):
        raise ValueError(f"unknown scopes: {unknown}")
    return _Bearer(frozenset(scopes))


def _caller(claims: dict[str, Any]) -> Caller:
    tenant, user, scopes = claims["tenant"], claims["sub"], claims["scopes"]
    well_formed = (
        is_tenant(tenant)
        and is_user(user)
        and isinstance(scopes, list)
        and all(isinstance(scope, str) for scope in scopes)
    )
    if not well_formed:
        raise _unauthorized("token_invalid", "The token is not valid")
    return Caller(tenant=tenant, user=user, scopes=frozenset(scopes), expires_at=int(claims["exp"]) + LEEWAY)


def _unauthorized(code: str, title: str) -> Problem:
    return Problem(401, code, title, headers={"WWW-Authenticate": "Bearer"})
