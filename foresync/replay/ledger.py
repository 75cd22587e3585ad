"""What a replay came to: every change sent is counted once, under the verdict that it was given."""

from collections import Counter
from dataclasses import dataclass

from foresync.client import PushAnswer


@dataclass(frozen=True, slots=True)
class Ledger:
    """sent = applied + merged + unchanged + waiting + rejected + replayed, all changes.

    `waiting` ones are open conflicts. `conflicts` counts the conflicts recorded now, settled or waiting; `replayed` are
    changes answered from stored answers. `presence` events were recorded now, `presence_replayed` were there.
    """

    tenant: str
    pushes: int
    sent: int
    applied: int
    merged: int
    unchanged: int
    waiting: int
    rejected: int
    replayed: int
    conflicts: int
    presence: int
    presence_replayed: int
    requests: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        """Changes answered per second."""
        return self.sent / self.seconds if self.seconds else 0.0


class Tally:
    """A ledger being written."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rejections: Counter[str] = Counter()

    def push(self, answer: PushAnswer) -> None:
        self.counts["pushes"] += 1
        for applied in answer.applied:
            fresh = "applied" if applied.status == "already_applied" else applied.status
            self.counts["replayed" if applied.replayed else fresh] += 1
            self.counts["conflicts"] += bool(applied.conflict_id and not applied.replayed)
        for conflict in answer.conflicts:
            self.counts["replayed" if conflict.replayed else "waiting"] += 1
            self.counts["conflicts"] += not conflict.replayed
        for rejected in answer.rejected:
            self.counts["replayed" if rejected.replayed else "rejected"] += 1
            self.rejections[rejected.reason] += not rejected.replayed
        self.counts["sent"] += len(answer.applied) + len(answer.conflicts) + len(answer.rejected)

    def presence(self, status: str) -> None:
        self.counts["presence_replayed" if status == "replayed" else "presence"] += 1

    def request(self) -> None:
        self.counts["requests"] += 1

    def close(self, tenant: str, seconds: float) -> Ledger:
        names = [name for name in Ledger.__slots__ if name not in ("tenant", "seconds")]
        return Ledger(tenant=tenant, seconds=round(seconds, 3), **{name: self.counts[name] for name in names})
