"""A PostgreSQL of a test's own: to be killed, ended and started again."""

from pathlib import Path

from foresync import ports
from foresync.postgres import Cluster, settle, stop


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
