"""A cluster of each test's own, on a folder that the OS user who runs it can enter."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from foresync import ports
from foresync.postgres import Cluster, settle, stop


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """pytest's own temporary folders are closed to the OS user that root lends PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="foresync-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_cluster(open_folder: Path) -> Iterator[Cluster]:
    """Not started; ended after the test in any case."""
    home = settle(open_folder / "postgres", system_state=open_folder / "system")
    yield Cluster(home, ports.any_free(), secrets.token_urlsafe(16), settings={"shared_buffers": "16MB"})
    stop(home)
