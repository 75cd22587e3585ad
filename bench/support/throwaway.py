"""A PostgreSQL for one bench: the embedded platform's own cluster code, real fsync, a migrated database."""

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from foresync import ports
from foresync.postgres import Cluster, databases, settle, stop
from sync_api.db.migrate import ROLES, set_passwords, upgrade

PASSWORD = "bench"
LOG_FILES = 64  # of 16 MB: what `min_wal_size` keeps


@dataclass(frozen=True)
class Database:
    cluster: Cluster
    pid: int

    @property
    def admin_url(self) -> str:
        return self.cluster.url("foresync")

    def role_url(self, role: str) -> str:
        return self.cluster.url("foresync", role, PASSWORD)


def fill_log(url: str) -> None:
    """Make the files of the write-ahead log that a cluster in use has: it writes them again and again, where a new
    one has to make each of them first."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(LOG_FILES):
            connection.execute("SELECT pg_logical_emit_message(false, 'bench', '')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")


@contextlib.contextmanager
def postgres() -> Iterator[Database]:
    """Start a cluster in a temporary folder and migrate a database; end and remove both."""
    folder = Path(tempfile.mkdtemp(prefix="foresync-bench-"))
    folder.chmod(0o711)
    cluster = Cluster(
        settle(folder / "postgres", system_state=folder / "system"), ports.any_free(), secrets.token_hex(8)
    )
    with (folder / "postgres.log").open("wb") as log:
        process = cluster.spawn(log)
        try:
            cluster.wait_ready()
            databases.ensure_database(cluster.url(), "foresync")
            upgrade(cluster.url("foresync"))
            set_passwords(cluster.url(), dict.fromkeys(ROLES, PASSWORD))
            yield Database(cluster, process.pid)
        finally:
            stop(cluster.home)
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)
