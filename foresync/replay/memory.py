"""The answers of an earlier run, kept in a file: with them a rerun fills its requests without waiting for each answer.

An optimisation and nothing more. Everything is sent again, and what counts is what the server answers; a file that is
missing, torn or another server's costs time, never truth.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, TextIO

from foresync.replay.answers import Versions


class Memory:
    """One replay's file under the state folder: a header, then a line of versions for each push answered."""

    def __init__(self, home: Path, url: str, tenant_id: str, digest: str) -> None:
        key = hashlib.sha256(f"{url.rstrip('/')} {tenant_id} {digest}".encode()).hexdigest()[:16]
        self._path = home / "replay" / f"{tenant_id}-{key}.jsonl"
        self._file: TextIO | None = None

    def begin(self, header: dict[str, Any]) -> list[Versions]:
        """The versions answered before, push by push: none where the header differs, as after a fresh database."""
        remembered = self._read(header)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("w", encoding="utf-8")
        self._write(header)
        for versions in remembered:
            self._write(versions)
        return remembered

    def add(self, versions: Versions) -> None:
        self._write(versions)

    def flush(self) -> None:
        if self._file:
            self._file.flush()

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def forget(self) -> None:
        """Drop the file: it remembers another server than the one that answers."""
        self.close()
        self._path.unlink(missing_ok=True)

    def _read(self, header: dict[str, Any]) -> list[Versions]:
        try:
            lines = self._path.read_text("utf-8").splitlines()
            if json.loads(lines[0]) != header:
                return []
        except (OSError, ValueError, IndexError):
            return []
        versions: list[Versions] = []
        for line in lines[1:]:
            try:
                versions.append(tuple(json.loads(line)))
            except (ValueError, TypeError):
                break  # torn by a crash
        return versions

    def _write(self, line: object) -> None:
        if self._file:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
