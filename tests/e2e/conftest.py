"""A whole platform with a state folder of its own, and the demo told on it once."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.machine import Machine


@pytest.fixture(scope="package")
def machine() -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="foresync-e2e-"))
    folder.chmod(0o711)
    found = Machine(folder / "home")
    yield found
    found.foresync("down", check=False)
    shutil.rmtree(folder)


@pytest.fixture(scope="package")
def told(machine: Machine) -> str:
    """What the demo printed; the platform runs on."""
    machine.foresync("up", "--detach")
    return machine.foresync("demo")
