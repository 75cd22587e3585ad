"""What a token says, and its signing. Light: the command imports it too, without any server's framework.

How a request's token becomes a `Caller` is in `web.auth`.
"""

import re
from datetime import UTC, datetime, timedelta

import jwt

SCOPES = ("sync", "predict", "operate", "import", "admin")
ISSUER = "foresync"
SHORTEST_SECRET = 32  # bytes: below the hash's own length HS256 can be guessed

# What becomes a tenant's key in every table; narrow, so that it is also safe in a file name and a URL.
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_USER = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")


def is_tenant(name: object) -> bool:
    return isinstance(name, str) and _TENANT.fullmatch(name) is not None


def is_user(name: object) -> bool:
    return isinstance(name, str) and _USER.fullmatch(name) is not None


def check_secret(secret: str) -> str:
    """The secret itself; ValueError when it is too short to be one."""
    if len(secret.encode()) < SHORTEST_SECRET:
        raise ValueError(f"FORESYNC_JWT_SECRET must be at least {SHORTEST_SECRET} bytes long")
    return secret


def mint(secret: str, *, tenant: str, user: str, scopes: tuple[str, ...], expires_in: timedelta) -> str:
    """A signed token. ValueError for a name or scope that `web.auth.verify` would refuse."""
    if not is_tenant(tenant):
        raise ValueError(f"not a tenant name: {tenant!r} (letters, digits, '.', '_', '-'; at most 100)")
    if not is_user(user):
        raise ValueError(f"not a user name: {user!r}")
    if unknown := set(scopes) - set(SCOPES):
        raise ValueError(f"unknown scopes: {', '.join(sorted(unknown))}")
    now = datetime.now(UTC)
    claims = {
        "iss": ISSUER, "tenant": tenant, "sub": user, "scopes": list(scopes), "iat": now, "exp": now + expires_in,
    }  # fmt: skip
    return jwt.encode(claims, check_secret(secret), algorithm="HS256")
