"""What changed between two trees, file by file and region by region, as hashes.

A region is what git names at a hunk: the function or the section that it stands in. Its value is the hash of the lines
that were put there.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from foresync.git_history.git import Git

Op = Literal["create", "update", "delete"]
OPTIONS = (
    "--stdin", "-r", "--raw", "-p", "-U0", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color",
    "--full-index", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--diff-algorithm=myers",
)  # fmt: skip
OPS: dict[bytes, Op] = {b"A": "create", b"D": "delete"}
ASKED = re.compile(rb"[0-9a-f]{40,64} [0-9a-f]{40,64}")
HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@ ?(.*)")
TOP = b""  # what stands before the first function or section


@dataclass(slots=True)
class FileChange:
    """A file's change. regions: header → hash of what was put there; of a deleted file it says nothing."""

    path: bytes
    op: Op
    after: bytes  # mode and object: the value of a change that git shows no lines of
    regions: dict[bytes, int] = field(default_factory=dict)


Diff = dict[bytes, FileChange]


def read(git: Git, pairs: Iterable[tuple[str, str]]) -> Iterator[Diff]:
    """The differences of each pair of trees, in order, as git comes to them."""
    asked = (f"{before} {after}" for before, after in pairs)
    changes: Diff | None = None
    patch = _Patch({})
    for line in git.lines("diff-tree", *OPTIONS, asked=asked):
        if ASKED.fullmatch(line):
            if changes is not None:
                patch.close()
                yield changes
            changes = {}
            patch = _Patch(changes)
        else:
            patch.take(line)
    if changes is not None:
        patch.close()
        yield changes


class _Patch:
    """Takes the lines of one answer: first a line for every file, then the patches in the same order."""

    def __init__(self, changes: Diff) -> None:
        self._changes = changes
        self._paths: dict[bytes, bytes] = {}
        self._file: FileChange | None = None
        self._added: dict[bytes, hashlib._Hash] = {}
        self._region = TOP

    def take(self, line: bytes) -> None:
        if line.startswith(b":"):
            self._announce(line)
        elif line.startswith(b"diff --git "):
            self.close()
            self._file = self._changes.get(self._paths.get(line, b""))
        elif found := HUNK.fullmatch(line):
            self._region = found.group(1).strip()
            self._added.setdefault(self._region, hashlib.sha256())
        elif line.startswith(b"+") and self._added:  # before the first hunk, `+++` names the file
            self._added[self._region].update(line[1:] + b"\n")

    def close(self) -> None:
        """The file's patch has ended."""
        file = self._file
        if file is not None:
            file.regions = {header: _number(digest.digest()) for header, digest in self._added.items()}
            if not file.regions and file.op != "delete":  # binary, empty, or another mode
                file.regions = {TOP: _number(hashlib.sha256(file.after).digest())}
        self._file, self._added, self._region = None, {}, TOP

    def _announce(self, line: bytes) -> None:
        about, path = line.split(b"\t", 1)
        _, mode, _, after, status = about.split(b" ")
        self._changes[path] = FileChange(path, OPS.get(status[:1], "update"), mode + after)
        inner = path[1:-1] if path.startswith(b'"') else path  # git quotes a path that holds something odd
        quote = b'"' if path.startswith(b'"') else b""
        self._paths[b"diff --git %sa/%s%s %sb/%s%s" % (quote, inner, quote, quote, inner, quote)] = path


def _number(digest: bytes) -> int:
    """64 bits of a hash, signed, as a Parquet file keeps them."""
    return int.from_bytes(digest[:8], signed=True)
