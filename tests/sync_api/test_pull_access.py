"""Who may read: the scope `sync`, in one's own tenant."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.sync_api.running import Tenant
from web.auth import mint

PATHS = ["/api/v1/sync/changes", "/api/v1/sync/changes/", "/api/v1/sync/digest?entity=task"]


@pytest.mark.parametrize("path", PATHS)
async def test_no_route_opens_without_the_right_token(
    tenant: Tenant, http: httpx.AsyncClient, jwt_secret: str, path: str
) -> None:
    async def code(token: str | None) -> tuple[int, str]:
        answer = await http.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
        return answer.status_code, answer.json().get("code", "")

    def token(**changes: Any) -> str:
        return mint(
            **{"secret": jwt_secret, "tenant": tenant.name, "user": "u", "scopes": ("sync",),
               "expires_in": timedelta(hours=1)} | changes
        )  # fmt: skip

    assert await code(None) == (401, "token_missing")
    assert await code("rubbish") == (401, "token_invalid")
    assert await code(token(expires_in=timedelta(hours=-1))) == (401, "token_expired")
    assert await code(token(secret="another secret that is long enough")) == (401, "token_invalid")
    assert await code(token(scopes=("predict", "operate", "import", "admin"))) == (403, "insufficient_scope")
    assert await code(token(tenant="never-made")) == (403, "unknown_tenant")
    assert (await code(token()))[0] == 200
