"""Whatever the OpenAPI document allows, and some that it does not: no 5xx, and no answer that it does not describe."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import schemathesis

from serving.app import create_app
from serving.settings import Settings
from tests.openapi import DESCRIBED, profile
from tests.serving.models import cached_both
from tests.serving.running import serve_in_a_thread
from web.auth import mint

# the document alone; the server that is asked has a database of its own
_document = create_app(
    Settings(database_url="postgresql://nowhere", jwt_secret="x" * 32, model_cache=Path("nowhere"))
).openapi()
SCHEMA = schemathesis.openapi.from_dict(_document)


@pytest.fixture(scope="module")
def url(serving_url: str, jwt_secret: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    cache = tmp_path_factory.mktemp("models")
    cached_both(cache)
    chosen = Settings(database_url=serving_url, jwt_secret=jwt_secret, model_cache=cache, tracking_uri=None)
    with serve_in_a_thread(chosen) as address:
        yield address


@pytest.fixture(scope="module")
def headers(jwt_secret: str) -> dict[str, str]:
    scopes = ("predict", "operate")
    token = mint(jwt_secret, tenant="fuzzed", user="ann", scopes=scopes, expires_in=timedelta(hours=1))
    return {"Authorization": f"Bearer {token}"}


@SCHEMA.parametrize()
@profile(15)
def test_every_answer_is_documented(case: schemathesis.Case, url: str, headers: dict[str, str]) -> None:
    case.call_and_validate(base_url=url, headers=headers, checks=DESCRIBED)


@pytest.mark.slow
@SCHEMA.parametrize()
@profile(150)
def test_every_answer_is_documented_at_length(case: schemathesis.Case, url: str, headers: dict[str, str]) -> None:
    case.call_and_validate(base_url=url, headers=headers, checks=DESCRIBED)
