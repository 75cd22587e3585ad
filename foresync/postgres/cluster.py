"""One PostgreSQL cluster: made, configured, started, reached."""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import psycopg

from foresync.postgres.account import BARE_ENVIRONMENT
from foresync.postgres.home import Home
from foresync.postgres.processes import cluster_name
from foresync.postgres.recovery import PostgresError, recover

SUPERUSER = "postgres"
CONFIGURATION = "foresync.conf"


@dataclass(frozen=True, slots=True)
class Cluster:
    """TCP on loopback with scram passwords, and no unix socket: its path may be longer than a socket's can be."""

    home: Home
    port: int
    password: str
    settings: dict[str, str] = field(default_factory=dict)

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def make(self) -> None:
        """Make the cluster if it is new, and write its configuration anew."""
        if not self.home.data.exists():
            self._init()
        self._configure()

    def spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the server as a child in a session of its own (a Ctrl-C is not for it)."""
        self.make()
        recover(self.home)
        return subprocess.Popen(
            self.home.command(), cwd="/", env=BARE_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, **self._as_account(),
        )  # fmt: skip

    def is_ready(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def wait_ready(self, seconds: float = 60) -> None:
        """Raises PostgresError when the server does not answer in time (crash recovery can take some seconds)."""
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not answer on port {self.port} within {seconds:.0f} s")
            time.sleep(0.1)

    def _init(self) -> None:
        """Made beside and renamed: a killed initdb never leaves half a cluster under the real name."""
        self.home.folder.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self.home.folder))
        with tempfile.NamedTemporaryFile("w", dir=self.home.folder) as secret:
            secret.write(self.password)
            secret.flush()
            if account := self.home.account:
                os.chown(new, account.uid, account.gid)
                os.chown(secret.name, account.uid, account.gid)
            self._run_initdb(new, Path(secret.name))
        new.rename(self.home.data)

    def _run_initdb(self, folder: Path, secret: Path) -> None:
        made = subprocess.run(
            [
                str(self.home.install / "bin" / "initdb"), "-D", str(folder), "--username", SUPERUSER,
                "--pwfile", str(secret), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
            ],
            cwd="/", env=BARE_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            **self._as_account(),
        )  # fmt: skip
        if made.returncode != 0:
            raise PostgresError(f"initdb failed:\n{made.stdout}{made.stderr}".strip())
        with (folder / "postgresql.conf").open("a") as base:
            base.write(f"\ninclude = '../{CONFIGURATION}'\n")

    def _configure(self) -> None:
        """Our settings, outside the data folder (which belongs to another user), written anew at every start."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "cluster_name": cluster_name(self.home.data),
            "max_connections": "200",
            "shared_buffers": "256MB",
            # files of the log that were once written are kept to be written again: to make a new one costs a tenth of
            # the pushes that go into it
            "min_wal_size": "1GB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self.settings,
        }
        path = self.home.folder / CONFIGURATION
        path.write_text("".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        path.chmod(0o644)

    def _as_account(self) -> dict[str, Any]:
        return self.home.account.run_options() if self.home.account else {}
