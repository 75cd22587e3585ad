"""`python -m foresync.launch SPEC`: become the program that a JSON file describes, with exactly its environment.

The supervisor starts every part through this, so that no secret stands in a command line and no path has to
survive the supervisor's own quoting rules. Imports nothing of the house: it runs before each part.
"""

import json
import os
import sys
from pathlib import Path


def main(spec: Path) -> None:
    """SPEC: {"argv": [...], "directory": "...", "environment": {...}}."""
    part = json.loads(spec.read_text())
    os.chdir(part["directory"])
    os.execve(part["argv"][0], part["argv"], part["environment"])  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main(Path(sys.argv[1]))
