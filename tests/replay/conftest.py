"""A real sync API on a real PostgreSQL, and one tenant that knows the sample's entity types."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest

from foresync import ports
from foresync.client import SyncClient
from foresync.declarations import load_entity_types
from foresync.replay import SCOPES
from foresync.tenants import mint_token
from tests.replay.histories import SAMPLE

_numbers = count(1)


@dataclass(frozen=True)
class Tenant:
    """What a replay needs to know, and a folder for what it remembers."""

    url: str
    name: str
    token: str
    home: Path


@pytest.fixture(scope="module")
def server(api_url: str, jwt_secret: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a sync API on this module's database."""
    port = ports.any_free()
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("server") / "log"
    secrets = {"FORESYNC_API_DATABASE_URL": api_url, "FORESYNC_JWT_SECRET": jwt_secret}
    command = [sys.executable, "-m", "uvicorn", "sync_api.app:create_app", "--factory", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=os.environ | secrets, stdout=out, stderr=out)
    try:
        _wait(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/readyz", verify=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture
def tenant(server: str, database_url: str, jwt_secret: str, tmp_path: Path) -> Tenant:
    name = f"replayed-{next(_numbers)}"
    token = mint_token(
        database_url,
        jwt_secret,
        tenant=name,
        user="importer",
        scopes=SCOPES,
        expires_in=timedelta(hours=1),
    )
    with SyncClient(server, token) as client:
        load_entity_types(client, SAMPLE.parent / "entity_types.toml")
    return Tenant(server, name, token, tmp_path / "home")
