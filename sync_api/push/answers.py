"""The answer to a push: one verdict for every change, serialised once, for the client and for whoever asks again."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

import orjson

from sync_api.engine import clock

Verdict = Literal["applied", "conflicts", "rejected"]

# Rejections that another attempt at the same change may survive. They are not stored: the same change may come again.
RETRYABLE = frozenset({"resync_required", "blocked"})


@dataclass(slots=True)
class Answer:
    """The verdicts of one push, in request order within each list. basis: all that they came of, which lives as long as
    the answer."""

    sync_id: str
    lists: dict[str, list[bytes]] = field(default_factory=lambda: {"applied": [], "conflicts": [], "rejected": []})
    replayed: int = 0
    basis: object = None
    encoded: bytes | None = None

    def add(self, verdict: Verdict, item: dict[str, Any]) -> str:
        """Add a verdict; answers how it is stored."""
        encoded = orjson.dumps(item)
        self.lists[verdict].append(encoded)
        return f'{{"list":"{verdict}","answer":{encoded.decode()}}}'

    def replay(self, stored: str) -> Verdict:
        """Add the verdict that the same change was given before; answers which it was."""
        told = orjson.loads(stored)
        item = told["answer"]
        item["replayed"] = True
        if told["list"] == "applied":
            item["status"] = "already_applied"
        self.lists[told["list"]].append(orjson.dumps(item))
        self.replayed += 1
        return cast(Verdict, told["list"])

    def encode(self, server_time: datetime) -> bytes:
        """The whole answer as JSON, made once."""
        if self.encoded is None:
            self.encoded = self._encode(server_time)
        return self.encoded

    def _encode(self, server_time: datetime) -> bytes:
        lists = b",".join(b'"%b":[%b]' % (name.encode(), b",".join(items)) for name, items in self.lists.items())
        counts = {name: len(items) for name, items in self.lists.items()} | {"replayed": self.replayed}
        return b'{"sync_id":"%b","server_time":"%b",%b,"summary":%b}' % (
            self.sync_id.encode(),
            clock.text(server_time).encode(),
            lists,
            orjson.dumps(counts),
        )


def rejection(entity: str | None, offline_id: str | None, reason: str, detail: Any) -> dict[str, Any]:
    """A rejected change, as it is told."""
    return {
        "entity": entity,
        "offline_id": offline_id,
        "reason": reason,
        "detail": detail or {},
        "retryable": reason in RETRYABLE,
    }
