"""A small repository, made commit by commit by the real git, with clocks of our own."""

import os
import subprocess
from pathlib import Path

DAY = 86_400
START = 1_700_000_000


class Repository:
    """Commits come a day apart unless said otherwise; people are their addresses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.day = 0
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, author: str = "ann", day: float | None = None) -> str:
        at = f"{START + int((self.day if day is None else day) * DAY)} +0000"
        known = {
            "GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": f"{author}@x", "GIT_AUTHOR_DATE": at,
            "GIT_COMMITTER_NAME": author, "GIT_COMMITTER_EMAIL": f"{author}@x", "GIT_COMMITTER_DATE": at,
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
        }  # fmt: skip
        done = subprocess.run(
            ["git", "-C", str(self.path), *words], env={**os.environ, **known}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"git {words}: {done.stderr}"
        return done.stdout.strip()

    def commit(self, files: dict[str, str | bytes | None], author: str = "ann", day: float | None = None) -> str:
        """Write (None: delete) files and commit them, a day after the last commit; the commit's name."""
        self.day += 1
        for name, content in files.items():
            file = self.path / name
            if content is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x", author=author, day=day)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, at: str = "main") -> None:
        self.git("checkout", "-q", "-b", name, at)

    def on(self, name: str) -> None:
        self.git("checkout", "-q", name)

    def merge(self, *names: str, author: str = "boss", keep: str | None = None) -> str:
        """Merge into the branch that is out; keep: the content of `f.py` where git cannot tell."""
        self.day += 1
        words = ["merge", "-q", "--no-ff", "-m", "m", *names] + (["-s", "ours", "--no-commit"] if keep else [])
        self.git(*words, author=author)
        if keep:
            (self.path / "f.py").write_text(keep)
            self.git("add", "-A")
            self.git("commit", "-q", "-m", "m", author=author)
        return self.git("rev-parse", "HEAD")


def functions(**bodies: str) -> str:
    """A Python file of these functions, long enough for git to tell them apart."""
    return "".join(f"def {name}():\n    a = 1\n    b = 2\n    return {body}\n\n\n" for name, body in bodies.items())
