"""`python -m foresync.postgres FOLDER`: recover the cluster of that folder, then become its server.

The pid stays the same, so whoever supervises this process supervises PostgreSQL, and a restart after a crash
recovers first.
"""

import os
import sys
from pathlib import Path

from foresync.postgres.account import BARE_ENVIRONMENT
from foresync.postgres.home import settle
from foresync.postgres.recovery import recover


def main(folder: Path) -> None:
    home = settle(folder)
    recover(home)
    os.chdir("/")
    if home.account:
        home.account.become()
    os.execve(home.command()[0], home.command(), BARE_ENVIRONMENT)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main(Path(sys.argv[1]))
