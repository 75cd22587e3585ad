"""A simulated device: its clock, its queue of edits, and its replica, made of nothing but what it was told."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.sync_api.stateful.model import DELETED, Author, Key, Sent


@dataclass
class Replica:
    """A record as the device last received it."""

    version: int = 0
    data: dict[str, Any] = field(default_factory=dict)
    is_deleted: bool = False


@dataclass
class Device:
    """skew: how far its clock is ahead. pushed: what it has ever sent."""

    author: Author
    skew: timedelta
    queue: list[Sent] = field(default_factory=list)
    pushed: list[list[Sent]] = field(default_factory=list)
    replicas: dict[Key, Replica] = field(default_factory=dict)
    position: int = 0
    edits: int = 0

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.skew

    def edit(self, op: str, key: Key, data: dict[str, Any], *, ago: timedelta, says: str) -> None:
        """Put an edit into the queue. says: what it tells of what it knew: `version`, `base` with it, or `nothing`."""
        known = self.replicas.get(key, Replica())
        self.edits += 1
        self.queue.append(
            Sent(
                op,
                key,
                f"o{self.edits}",
                None if says == "nothing" else known.version,
                self.clock() - ago,
                {} if op == "delete" else data,
                {name: known.data.get(name) for name in data} if says == "base" else {},
            )
        )

    def hear(self, changes: list[Sent], verdicts: list[dict[str, Any]]) -> None:
        """Take in the answers. What waits for another attempt stays in the queue."""
        settled = set()
        for sent, verdict in zip(changes, verdicts, strict=True):
            if verdict.get("reason") in ("blocked", "resync_required"):
                continue
            settled.add(sent.offline_id)
            if verdict["list"] == "applied":
                self._applied(sent, verdict)
            elif verdict["list"] == "conflicts":
                state = dict(verdict["server_state"])
                self.learn(sent.key, verdict["server_version"], state, state.pop(DELETED, False))
        self.queue = [sent for sent in self.queue if sent.offline_id not in settled]

    def learn(self, key: Key, version: int, data: dict[str, Any], is_deleted: bool) -> None:
        """A record as the server has it, unless the device knows a newer one."""
        if version and version >= self.replicas.get(key, Replica()).version:
            self.replicas[key] = Replica(version, {} if is_deleted else dict(data), is_deleted)

    def pull(self, page: dict[str, Any]) -> None:
        """A page of the feed. What it wrote itself it skips, as the feed allows."""
        for item in page["changes"]:
            if item["by_device"] != self.author[1]:
                key = (item["entity"], item["server_id"])
                self.learn(key, item["version"], item["data"] or {}, item["op"] == "delete")
        self.position = page["next"]

    def _applied(self, sent: Sent, verdict: dict[str, Any]) -> None:
        if verdict["record"] is not None:
            row = verdict["record"]
            self.learn(sent.key, row["version"], row["data"], row["deleted"])
            return
        known = self.replicas.get(sent.key, Replica())
        data = dict(known.data)
        if sent.op in ("create", "append") and known.is_deleted:
            data = {}
        self.learn(sent.key, verdict["new_version"], data | sent.data, sent.op == "delete")
