"""Which code made this: what a model's tags need to say."""

import subprocess

from orchestration.settings import PROJECT_FOLDER


def git_commit() -> str:
    """The commit checked out, with `-dirty` when files differ from it; `unknown` outside a repository."""
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PROJECT_FOLDER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
