"""This room's settings and database; the server itself is started by each test, from `running.serve`."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from serving.settings import Settings


@pytest.fixture
def settings(serving_url: str, jwt_secret: str, tmp_path: Path) -> Callable[..., Settings]:
    """Settings for this module's database and a cache of this test's own; warnings are never withheld."""

    def made(**changes: Any) -> Settings:
        base = {
            "database_url": serving_url,
            "jwt_secret": jwt_secret,
            "tracking_uri": None,
            "model_cache": tmp_path / "cache",
            "model_poll": 0.05,
            "withhold_share": 0.0,
        }
        return Settings(**(base | changes))

    return made


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """An administrator's connection, to write histories and to read what was logged."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()
