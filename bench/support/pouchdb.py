"""pouchdb-server on leveldb: what a team might otherwise put behind its offline clients. Installed on request only.

    make bench-peers

It answers before anything is safe on disk; it knows no users, no fields and no reasons. Each tenant is a database.
"""

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
from support.harness import ROOT, Meter, free_port
from support.load import Connection, drain

HOME = Path(os.environ.get("FORESYNC_HOME") or ROOT / ".foresync").resolve() / "bench" / "pouchdb"
PROGRAM = HOME / "node_modules" / "pouchdb-server" / "bin" / "pouchdb-server"
AT_ONCE = 500
JSON = {"Content-Type": "application/json"}
HOW = "pouchdb-server is not installed, so its figures are null: `make bench-peers` installs it (needs node and npm)"


def is_installed() -> bool:
    return PROGRAM.exists() and shutil.which("node") is not None


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """Run it with its data in `folder`; yields its URL and pid."""
    port = free_port()
    folder.mkdir()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["node", PROGRAM, "--port", str(port), "--host", "127.0.0.1", "--dir", folder, "--no-stdout-logs"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=2).status_code == 200:
                return
        time.sleep(0.2)
    raise SystemExit("pouchdb-server did not get ready")


class Documents:
    """The documents of one lane, and the revision that each is at."""

    def __init__(self, database: str, ids: list[str]) -> None:
        self.database = database
        self._revisions: dict[str, str | None] = dict.fromkeys(ids)
        self._ids = ids
        self._at = 0

    def __len__(self) -> int:
        return len(self._ids)

    def batch(self, size: int, text: str) -> bytes:
        """The next documents, round robin, each with a change."""
        found = []
        for _ in range(size):
            name = self._ids[self._at]
            self._at = (self._at + 1) % len(self._ids)
            document = {"_id": name, "title": str(uuid.uuid4()), "description": text}
            if revision := self._revisions[name]:
                document["_rev"] = revision
            found.append(document)
        return orjson.dumps({"docs": found})

    def note(self, answer: bytes) -> None:
        """Remember the revisions that were given."""
        for one in orjson.loads(answer):
            if "rev" not in one:
                raise SystemExit(f"pouchdb-server refused a document: {one}")
            self._revisions[one["id"]] = one["rev"]


async def fill(url: str, lanes: list[Documents], text: str) -> None:
    """Every document at its first revision."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for lane in lanes:
            await client.put(f"/{lane.database}")
            for _ in range(0, len(lane), AT_ONCE):
                body = lane.batch(min(AT_ONCE, len(lane)), text)
                answer = await client.post(f"/{lane.database}/_bulk_docs", content=body, headers=JSON)
                lane.note(answer.content)


async def push(url: str, pid: int, lanes: list[Documents], pushes: int, size: int, text: str) -> tuple[float, float]:
    """Every lane pushes so many batches on a connection of its own; changes a second and CPU µs a change. No document
    comes twice: its next revision is known only afterwards."""
    connections = [await Connection.open(url) for _ in lanes]
    bodies = [[lane.batch(size, text) for _ in range(pushes)] for lane in lanes]
    answers: list[list[bytes]] = [[] for _ in lanes]

    async def send(lane: int, body: bytes) -> None:
        status, answer = await connections[lane].post(f"/{lanes[lane].database}/_bulk_docs", None, body)
        if status != 201:
            raise SystemExit(f"pouchdb-server: {status} {answer[:500]!r}")
        answers[lane].append(answer)

    with Meter(pid, None) as meter:
        await drain(bodies, send)
    for connection in connections:
        await connection.close()
    for lane, given in zip(lanes, answers, strict=True):
        for answer in given:
            lane.note(answer)
    changes = pushes * size * len(lanes)
    return changes / meter.seconds, 1e6 * meter.cpu.server / changes
