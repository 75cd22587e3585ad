"""A throwaway PostgreSQL for the whole run, and a fresh migrated database for each module that asks.

The server is real, started by the same code as the embedded platform's; only fsync is off. It ends with the run,
however that ends: a watchdog holds the other end of a pipe that closes when this process dies.
"""

import itertools
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from foresync import ports
from foresync.postgres import Cluster, databases, settle, stop
from tests.mlflow_server import Mlflow
from tests.postgres_server import Postgres, migrated

pytest_plugins = ["tests.two_at_once"]

# said before MLflow is imported: it would report to its makers, from a thread that changes this process's environment
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

ROLE_PASSWORD = "test"
TEMPLATE = "foresync_template"

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running server on a port of its own."""
    folder = Path(tempfile.mkdtemp(prefix="foresync-test-"))
    folder.chmod(0o711)
    home = settle(folder / "postgres", system_state=folder / "system")
    fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
    server = Cluster(home, ports.any_free(), secrets.token_urlsafe(16), settings=fast)
    with (folder / "postgres.log").open("wb") as log:
        process = server.spawn(log)
        watchdog = _end_with_us(process.pid, folder)
        try:
            server.wait_ready()
            yield server
        finally:
            watchdog.kill()
            watchdog.wait()
            stop(server.home)
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)


def _end_with_us(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """End the server and remove its folder once our end of the pipe closes, that is when we die."""
    return subprocess.Popen(
        ["/bin/sh", "-c", 'cat; kill -QUIT "$1"; sleep 1; rm -rf "$2"', "sh", str(pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.fixture(scope="session")
def postgres_url(cluster: Cluster) -> str:
    """An administrator's connection to the database `postgres`."""
    return cluster.url()


@pytest.fixture(scope="session")
def migrated_template(cluster: Cluster) -> str:
    """The name of a database that holds the schema and nothing else; the roles can log in."""
    from sync_api.db.migrate import ROLES, set_passwords, upgrade

    databases.ensure_database(cluster.url(), TEMPLATE)
    upgrade(cluster.url(TEMPLATE))
    set_passwords(cluster.url(), dict.fromkeys(ROLES, ROLE_PASSWORD))
    return TEMPLATE


@pytest.fixture(scope="module")
def database_url(cluster: Cluster, migrated_template: str) -> Iterator[str]:
    """An administrator's connection to a fresh migrated database, this module's own."""
    name = f"test_{next(_numbers)}"
    databases.clone_database(cluster.url(), name, migrated_template)
    yield cluster.url(name)
    databases.drop_database(cluster.url(), name)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """An administrator's connection: sees every tenant."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def _as(role: str) -> Any:
    """The module's database as one of its roles."""

    @pytest.fixture(scope="module")
    def url(cluster: Cluster, database_url: str) -> str:
        return cluster.url(urlsplit(database_url).path.lstrip("/"), role, ROLE_PASSWORD)

    return url


api_url = _as("foresync_api")
serving_url = _as("foresync_serving")
ingest_url = _as("foresync_ingest")  # reads every tenant
publish_url = _as("foresync_publish")  # may only call the publish functions


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server of the test's own, with the schema: to be killed, ended and started again."""
    with migrated() as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_server(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    """The one MLflow server, which whoever needs it starts: another module may have killed it."""
    databases.ensure_database(postgres_url, "mlflow_tests")
    store = postgres_url.rsplit("/", 1)[0].replace("postgresql://", "postgresql+psycopg2://") + "/mlflow_tests"
    server = Mlflow(store, tmp_path_factory.mktemp("mlflow"))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def jwt_secret() -> str:
    """A secret of the length that the servers insist on."""
    return secrets.token_hex(32)
