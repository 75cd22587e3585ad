"""The state folder of one platform: where things lie, its secrets, what it remembers between starts, its lock."""

import contextlib
import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foresync.errors import PlainError

PROJECT = Path(__file__).resolve().parents[2]

SECRETS = ("postgres", "foresync_api", "foresync_serving", "foresync_ingest", "foresync_publish",
           "dagster", "mlflow", "jwt", "supervisor")  # fmt: skip


class PlatformError(PlainError):
    """The platform cannot do what it was asked to."""


@dataclass(frozen=True, slots=True)
class State:
    folder: Path

    @classmethod
    def find(cls) -> "State":
        """The platform of this checkout, or the one that FORESYNC_HOME names."""
        return cls(Path(os.environ.get("FORESYNC_HOME") or PROJECT / ".foresync").resolve())

    def make(self, *names: str) -> Path:
        """A folder below ours, or ours itself, made if it is new."""
        # PostgreSQL's OS user passes through ours; what is below is nobody else's to read
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        path = self.folder.joinpath(*names)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def log(self, part: str) -> Path:
        return self.folder / "logs" / f"{part}.log"

    def spec(self, part: str) -> Path:
        """How a part is launched: command and environment, secrets included."""
        return self.folder / "supervisor" / f"{part}.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One command at a time starts or stops this platform; a killed holder's lock is free again at once."""
        with (self.make() / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise PlatformError(
                    f"another foresync command (pid {lock.read().strip() or 'unknown'}) is starting or stopping "
                    f"the platform in {self.folder}; try again when it is done"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def secrets(self) -> dict[str, str]:
        """Name → secret, made once and readable by the owner alone. Called under the lock when any may be new."""
        path = self.folder / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if missing := [name for name in SECRETS if name not in known]:
            known |= {name: secrets.token_urlsafe(32) for name in missing}
            _write(path, known)
        return known

    def remembered(self) -> dict[str, Any]:
        path = self.folder / "platform.json"
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return known

    def remember(self, **facts: Any) -> None:
        _write(self.folder / "platform.json", self.remembered() | facts)


def _write(path: Path, content: dict[str, Any]) -> None:
    """All or nothing, for the owner's eyes only."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).rename(path)
