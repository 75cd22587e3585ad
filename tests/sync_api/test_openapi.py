"""Whatever the OpenAPI document allows, and some that it does not: no 5xx, and no answer that it does not describe."""

from collections.abc import Iterator

import pytest
import schemathesis

from sync_api.app import create_app
from sync_api.db.tenants import ensure_tenant
from sync_api.settings import Settings
from tests.openapi import DESCRIBED, profile
from tests.sync_api.running import EVERY_SCOPE, Tenant
from tests.sync_api.stateful.world import server_in_a_thread

# the document alone; the server that is asked has a database of its own
_document = create_app(Settings(api_database_url="postgresql://nowhere", jwt_secret="x" * 32)).openapi()
SCHEMA = schemathesis.openapi.from_dict(_document)


@pytest.fixture(scope="module")
def url(api_url: str, jwt_secret: str) -> Iterator[str]:
    # a stream ends by itself soon enough to be looked at whole
    with server_in_a_thread(api_url, jwt_secret, api_stream_seconds=0.05) as address:
        yield address


@pytest.fixture(scope="module")
def headers(database_url: str, jwt_secret: str) -> dict[str, str]:
    ensure_tenant(database_url, "fuzzed")
    return Tenant(None, jwt_secret, "fuzzed").headers(scopes=EVERY_SCOPE)  # type: ignore[arg-type]  # only its tokens


@SCHEMA.parametrize()
@profile(12)
def test_every_answer_is_documented(case: schemathesis.Case, url: str, headers: dict[str, str]) -> None:
    case.call_and_validate(base_url=url, headers=headers, checks=DESCRIBED)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@SCHEMA.parametrize()
@profile(300)
def test_every_answer_is_documented_at_length(case: schemathesis.Case, url: str, headers: dict[str, str]) -> None:
    case.call_and_validate(base_url=url, headers=headers, checks=DESCRIBED)
