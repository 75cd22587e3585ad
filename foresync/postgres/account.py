"""The OS user that PostgreSQL runs as: it refuses to run as root, so root lends it another user."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foresync.errors import PlainError

# Nothing of our environment (secrets, PG* variables) reaches the server.
BARE_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int

    def run_options(self) -> dict[str, Any]:
        """Keyword arguments for `subprocess` that make a child this user, with none of our groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def become(self) -> None:
        """Turn this very process into that user, for good."""
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)

    def can_enter(self, folder: Path) -> bool:
        """Whether every folder on the way down lets this user through: asked of the kernel, not guessed from modes."""
        attempt = subprocess.run(
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
            cwd="/", env=BARE_ENVIRONMENT, stderr=subprocess.DEVNULL, check=False, **self.run_options(),
        )  # fmt: skip
        return attempt.returncode == 0


def account_for(data: Path) -> Account | None:
    """The user to run as, or None for ourselves. A data folder that exists keeps the user who owns it.

    Raises PlainError when root finds nobody to hand the server to.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return _account(pwd.getpwuid(owner))
    for name in ("postgres", "nobody"):
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise PlainError("PostgreSQL does not run as root, and there is no OS user 'postgres' or 'nobody' to run it")


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
