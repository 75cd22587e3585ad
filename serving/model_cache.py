"""The last good model on disk: what the server starts from, and lives on while the registry is away.

`champion.json` names the version and its folder. Several workers may share the place: folders appear whole, and the
name is replaced in one step, after the folder that it names.
"""

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime import CorruptModel
from serving import model_folder
from serving.registry import Version

POINTER = "champion.json"
KEPT = 2
BEGUN_LONG_AGO = 3600.0  # seconds


class ModelCache:
    """A folder for models; made when first written to."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def folder(self, version: Version) -> Path:
        """Where this version is or would be."""
        source = hashlib.sha256(version.source.encode()).hexdigest()[:12]
        return self._place / f"{version.number}-{source}"

    def champion(self) -> Version | None:
        """The version that was last good; None when there was none. CorruptModel when the note is unreadable."""
        try:
            noted = json.loads((self._place / POINTER).read_text(encoding="utf-8"))
            return Version(noted["version"], noted["source"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptModel(f"{POINTER} cannot be read: {error}") from error

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A folder to download into, gone afterwards unless it was kept."""
        self._place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self._place))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, folder: Path, version: Version) -> None:
        """Take a verified folder in and name it the last good one."""
        target = self.folder(version)
        # where another worker was quicker, a third may be starting from its folder just now: only rot is replaced
        if not _is_whole(target):
            shutil.rmtree(target, ignore_errors=True)
            try:
                folder.rename(target)
            except OSError:
                if not target.exists():
                    raise
        self.name(version)
        self._forget_old(target)

    def name(self, version: Version) -> None:
        """Note that `version` is the last good one."""
        self._place.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", prefix=".note-", dir=self._place, delete=False) as note:
            json.dump({"version": version.number, "source": version.source}, note)
        Path(note.name).replace(self._place / POINTER)

    def forget(self) -> None:
        """There is no champion any more: nothing to start from."""
        (self._place / POINTER).unlink(missing_ok=True)

    def _forget_old(self, newest: Path) -> None:
        folders = [path for path in self._place.iterdir() if path.is_dir() and not path.name.startswith(".")]
        folders.sort(key=lambda path: (path == newest, path.stat().st_mtime), reverse=True)
        for path in folders[KEPT:]:
            shutil.rmtree(path, ignore_errors=True)
        for path in self._place.glob(".*-*"):  # what a worker that was killed had begun
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > BEGUN_LONG_AGO:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_whole(folder: Path) -> bool:
    try:
        model_folder.read(folder)
    except CorruptModel:
        return False
    return True
