"""What a change is told that only asks: one verdict each, in the order in which they were asked."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from sync_api.engine.hidden import is_hidden
from sync_api.push.answers import Answer, Verdict


@dataclass(slots=True)
class Told:
    """A verdict. verdict: None where nothing can be said without a value. needs: fields of this change whose values it
    depends on. leans: earlier changes of the queue that it depends on, and that depend on a value themselves.
    otherwise: what else it may come to."""

    verdict: str | None
    reason: str | None = None
    detail: Any = None
    severity: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    is_shadow: bool = False
    is_replayed: bool = False
    needs: list[str] = field(default_factory=list)
    leans: set[str] = field(default_factory=set)
    otherwise: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        return not (self.needs or self.leans)


class Verdicts(Answer):
    """Stands in for a push's answer, and keeps what is said apart for each change."""

    def __init__(self) -> None:
        super().__init__("")
        self.told: list[Told] = []

    def tell(self, told: Told) -> str:
        """Add a verdict; answers the name under which it can be told again."""
        self.told.append(told)
        return str(len(self.told) - 1)

    def add(self, verdict: Verdict, item: dict[str, Any]) -> str:
        """A rejection, as a push words it."""
        return self.tell(Told(verdict, item["reason"], item["detail"]))

    def replay(self, stored: str) -> Verdict:
        """What the same change was told before: by a push, or earlier in this queue."""
        before = self.told[int(stored)] if stored.isdigit() else _as_told(orjson.loads(stored))
        verdict = "already_applied" if _list(before.verdict) == "applied" else before.verdict
        self.tell(Told(verdict, before.reason, before.detail, before.severity, before.fields, is_replayed=True))
        return _list(before.verdict)


def _as_told(stored: dict[str, Any]) -> Told:
    item = stored["answer"]
    match stored["list"]:
        case "applied":
            return Told(item["status"], item.get("reason"))
        case "conflicts":
            fields = {name: {"rule": None, "winner": "none", "last_written": None} for name in item["fields"]}
            return Told("conflict", item["reason"], severity=item["severity"], fields=fields)
        case _:
            return Told("rejected", item["reason"], item["detail"])


def _list(verdict: str | None) -> Verdict:
    match verdict:
        case "conflict":
            return "conflicts"
        case "rejected":
            return "rejected"
        case _:
            return "applied"


def encode(changes: list[dict[str, Any]], server_time: str, as_of_seq: int) -> bytes:
    """The whole answer as JSON. A hidden value in a detail is told as null: its sender knows it."""
    counts = Counter(change["verdict"] or "unknown" for change in changes)
    summary = {
        name: counts[name]
        for name in ("applied", "merged", "unchanged", "already_applied", "conflict", "rejected", "unknown")
    } | {"inexact": sum(not change["exact"] for change in changes)}
    answer = {"server_time": server_time, "as_of_seq": as_of_seq, "changes": changes, "summary": summary}
    return orjson.dumps(answer, default=_unseen)


def _unseen(value: Any) -> None:
    if not is_hidden(value):
        raise TypeError(type(value).__name__)
