"""A PostgreSQL of a test's own: to be killed, ended and started again."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foresync import ports
from foresync.postgres import Cluster, databases, settle, stop
from sync_api.db.migrate import ROLES, set_passwords, upgrade

DATABASE, PASSWORD = "foresync", "test"


class Postgres:
    """A cluster that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(settle(folder / "postgres", system_state=folder / "system"), ports.any_free(), "secret")
        self.log = folder / "postgres.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = self.cluster.spawn(log)
        self.cluster.wait_ready()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        stop(self.cluster.home)
        self.process.wait()

    def url(self, role: str | None = None) -> str:
        """The migrated database as one of its roles, or as the administrator."""
        return self.cluster.url(DATABASE, role, PASSWORD) if role else self.cluster.url(DATABASE)


@contextmanager
def migrated() -> Iterator[Postgres]:
    """A running one, with the schema in it; it syncs to disk, as whatever is to be killed must."""
    folder = Path(tempfile.mkdtemp(prefix="foresync-kill-"))
    folder.chmod(0o711)
    server = Postgres(folder)
    try:
        server.start()
        databases.ensure_database(server.cluster.url(), DATABASE)
        upgrade(server.url())
        set_passwords(server.cluster.url(), dict.fromkeys(ROLES, PASSWORD))
        yield server
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)
