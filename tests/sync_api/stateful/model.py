"""What becomes of a change, once more and independently: every policy and field rule, chains, tombstones, replays.

In memory, one change at a time, plain dicts. It shares no line with the server; where both agree on any sequence of
pushes that can be thought of, both say what the rules say. Not here: guards that ask for other records.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

WINDOW = timedelta(seconds=300)
DELETED = "_deleted"
UNSETTLED = object()
Key = tuple[str, str]  # entity type, record id
Author = tuple[str, str]  # user, device


@dataclass(frozen=True)
class Write:
    version: int
    by: Author
    edited_at: datetime
    # the other's write that a rule combined it with
    over: "Write | None" = None


@dataclass
class Record:
    """history: the data at every version, so that what a client knew can be told. touched: the fields that each version
    wrote or dropped; a deletion keeps them all."""

    version: int = 0
    data: dict[str, Any] = field(default_factory=dict)
    is_deleted: bool = False
    writes: dict[str, Write] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    touched: list[set[str]] = field(default_factory=lambda: [set()])
    events: int = 0
    conflicts: int = 0


@dataclass
class Chain:
    start: int
    blocked: set[str] = field(default_factory=set)
    is_closed: bool = False


@dataclass(frozen=True)
class Kind:
    """A declared type as the model understands it. orders: field → values from first to last."""

    strategy: str
    rules: dict[str, str] = field(default_factory=dict)
    orders: dict[str, list[str]] = field(default_factory=dict)
    safety: frozenset[str] = frozenset()
    status: str | None = None
    steps: dict[str, list[str]] = field(default_factory=dict)
    escalation: str | None = None
    escalated: frozenset[str] = frozenset()
    is_automatic: bool = True
    is_shadow: bool = False


@dataclass
class Sent:
    """One change as a device sends it."""

    op: str
    key: Key
    offline_id: str
    version: int | None
    edited_at: datetime
    data: dict[str, Any]
    base: dict[str, Any] = field(default_factory=dict)


class Model:
    """kinds: with the tenant's policy already put in. told: (author, type, offline_id) → (content, verdict)."""

    def __init__(self, kinds: dict[str, Kind]) -> None:
        self.kinds = kinds
        self.records: dict[Key, Record] = {}
        self.told: dict[tuple[Author, str, str], tuple[Any, dict[str, Any]]] = {}
        self.conflicts: list[dict[str, Any]] = []
        self.log: list[tuple[Key, str, int, int | None]] = []  # record, outcome, version met, version made

    def push(
        self, author: Author, client_time: datetime, received_at: datetime, changes: list[Sent]
    ) -> list[dict[str, Any]]:
        """The verdicts, in the order of the changes. client_time: the device's clock when it pushed."""
        chains: dict[Key, Chain] = {}
        verdicts = []
        for sent in changes:
            name, content = (author, sent.key[0], sent.offline_id), (sent.op, sent.key, sent.edited_at, sent.data)
            record = self.records.setdefault(sent.key, Record())
            chain = chains.setdefault(sent.key, Chain(record.version))
            if name in self.told:
                verdict = self._again(sent, content, *self.told[name])
            else:
                edited_at = min(sent.edited_at + (received_at - client_time), received_at)
                verdict = Turn(self, author, sent, edited_at, record, chain).verdict()
                if verdict.get("reason") not in ("blocked", "resync_required"):
                    self.told[name] = (content, verdict)
            if verdict["list"] != "applied":
                chain.blocked |= sent.data.keys()
                chain.is_closed |= sent.op == "delete"
            verdicts.append(verdict)
        return verdicts

    def _again(self, sent: Sent, content: Any, before: Any, verdict: dict[str, Any]) -> dict[str, Any]:
        if before != content:
            return _rejected(sent, "idempotency_mismatch")
        return verdict | ({"status": "already_applied"} if verdict["list"] == "applied" else {})


@dataclass
class Turn:
    """One change that is new to the server."""

    model: Model
    author: Author
    sent: Sent
    edited_at: datetime
    record: Record
    chain: Chain

    def verdict(self) -> dict[str, Any]:
        sent, record = self.sent, self.record
        self.kind = self.model.kinds[sent.key[0]]
        if self.chain.is_closed or (
            self.chain.blocked and (sent.op == "delete" or self.chain.blocked & sent.data.keys())
        ):
            return _rejected(sent, "blocked")
        met = record.version
        verdict = self._decide()
        if verdict["list"] != "rejected":
            self.model.log.append((sent.key, verdict.get("status", "conflict"), met, verdict.get("wrote")))
            if verdict.get("status") != "unchanged":
                record.events += 1
                record.conflicts += "conflict" in verdict
        verdict.pop("wrote", None)
        return verdict

    def _decide(self) -> dict[str, Any]:
        sent, record, kind = self.sent, self.record, self.kind
        if sent.version is not None and sent.version > record.version:
            return _rejected(sent, "resync_required")
        if kind.strategy == "append_only" and (
            sent.op not in ("create", "append") or (record.version and self._differing())
        ):
            return _rejected(sent, "not_permitted")
        if sent.op == "update_status" and kind.status not in sent.data:
            return _rejected(sent, "validation_error")
        self.known, self.reason = sent.version, "stale_version"
        if self.known is None:
            self.known = record.version if not self.chain.start else 0
            if self.chain.start and sent.op not in ("create", "append"):
                self.reason = "missing_client_version"
        self.is_stale = self.known < self.chain.start
        if not record.version:
            return self._write(dict(sent.data)) if sent.op != "delete" else self._applied("unchanged")
        if kind.strategy == "append_only":
            return self._applied("unchanged")
        if sent.op == "delete":
            return self._delete()
        return self._revive() if record.is_deleted else self._update()

    def _theirs(self) -> list[str]:
        """What another (user, device) wrote last, after the version that the client had."""
        theirs = {n: self._others(w) for n, w in self.record.writes.items()}
        return [n for n, w in theirs.items() if w is not None and w.version > self.known]

    def _others(self, write: Write) -> Write | None:
        return write if write.by != self.author else write.over

    def _differing(self) -> dict[str, Any]:
        return {n: v for n, v in self.sent.data.items() if self.record.data.get(n) != v}

    def _update(self) -> dict[str, Any]:
        wish = self._differing()
        if not wish:
            return self._applied("unchanged")
        colliding = [n for n in wish if self.is_stale and n in self._theirs()]
        fields = {n: self._settle(n) for n in colliding}
        if any(f["winner"] == "none" for f in fields.values()) and not self.kind.is_shadow:
            return self._open(self.reason, fields)
        near = {n: self._near(n) for n in wish if n not in colliding and self._is_near(n)}
        if not self.kind.is_shadow:
            for name, f in fields.items():
                wish[name] = f["value"]
                if f["winner"] == "server":
                    del wish[name]
        return self._write(wish, fields=fields, near=near)

    def _delete(self) -> dict[str, Any]:
        if self.record.is_deleted:
            return self._applied("unchanged")
        rivals = self._theirs() if self.is_stale else []
        return self._against_deletion(self.reason, rivals, {DELETED: True})

    def _revive(self) -> dict[str, Any]:
        rivals = [n for n in self._theirs() if n == DELETED] if self.is_stale else []
        return self._against_deletion("deleted", rivals, {**self.sent.data, DELETED: False})

    def _against_deletion(self, reason: str, rivals: list[str], wish: dict[str, Any]) -> dict[str, Any]:
        if not rivals:
            return self._write(wish)
        client, server = self.sent.op == "delete", self.record.is_deleted
        strategy = self.kind.strategy if self.kind.is_automatic else "manual"
        winner = "none"
        if strategy in ("client_wins", "server_wins"):
            winner = strategy.removesuffix("_wins")
        elif strategy == "most_recent_wins":
            newest = max((self.record.writes[n] for n in rivals), key=lambda w: w.edited_at)
            winner = "client" if self._is_newer(newest) else "server"
        value = client if winner == "client" else server
        told = _field(False, client, server, strategy, winner, value)
        if winner == "none" and not self.kind.is_shadow:
            return self._open(reason, {DELETED: told})
        if winner == "server" and not self.kind.is_shadow:
            wish = {}
        return self._write(wish, fields={DELETED: told}, reason=reason)

    def _is_newer(self, write: Write) -> bool:
        return (self.edited_at, self.author[1]) > (write.edited_at, write.by[1])

    def _is_near(self, name: str) -> bool:
        write = self.record.writes.get(name)
        if write is None or write.by[0] == self.author[0]:
            return False
        return self.edited_at - WINDOW <= write.edited_at <= self.edited_at

    def _near(self, name: str) -> dict[str, Any]:
        client = self.sent.data[name]
        return _field(None, client, self.record.data.get(name), "window", "client", client)

    def _base(self, name: str) -> Any:
        if name in self.sent.base:
            return self.sent.base[name]
        assert self.known is not None
        # A deletion stamps the fields that it keeps. Where nothing but a deletion has touched one since, the log has
        # no earlier value of it, and the server says that it does not know: removals are not honoured by a guess.
        is_told = any(name in touched for touched in self.record.touched[self.known + 1 :])
        return self.record.history[self.known].get(name) if is_told else None

    def _settle(self, name: str) -> dict[str, Any]:
        kind, base = self.kind, self._base(name)
        client, server = self.sent.data[name], self.record.data.get(name)
        if not kind.is_automatic:
            return _field(base, client, server, "manual", "none", server)
        rule = kind.rules.get(name)
        value = self._combine(rule, name, base, client, server) if rule else UNSETTLED
        if value is UNSETTLED:
            if rule == "manual":
                return _field(base, client, server, rule, "none", server)
            rule = kind.strategy
            value = self._choose(name, client, server)
        if value is UNSETTLED:
            return _field(base, client, server, rule, "none", server)
        winner = "client" if value == client else "server" if value == server else "merged"
        return _field(base, client, server, rule, winner, value)

    def _combine(self, rule: str, name: str, base: Any, client: Any, server: Any) -> Any:
        comparable = {type(client), type(server)} in ({int}, {str})
        order = self.kind.orders.get(name, [])
        if rule == "set_merge" and isinstance(client, list) and isinstance(server, list):
            if not isinstance(base, list):
                return server + [v for v in client if v not in server]
            kept = [v for v in server if v in client or v not in base]
            return kept + [v for v in client if v not in base and v not in kept]
        if rule == "true_wins" and isinstance(client, bool) and isinstance(server, bool):
            return client or server
        if rule in ("max", "min") and comparable:
            return max(client, server) if rule == "max" else min(client, server)
        if rule == "monotonic" and client in order and server in order:
            return order[max(order.index(client), order.index(server))]
        if rule == "last_write_wins":
            return client if self._is_newer(self.record.writes[name]) else server
        return UNSETTLED

    def _choose(self, name: str, client: Any, server: Any) -> Any:
        strategy = self.kind.strategy
        if strategy in ("client_wins", "server_wins"):
            return client if strategy == "client_wins" else server
        if strategy == "preserve_escalation" and name == self.kind.escalation:
            order = self.kind.orders[name]
            if client not in order or server not in order:
                return UNSETTLED
            return order[max(order.index(client), order.index(server))]
        if strategy in ("most_recent_wins", "preserve_escalation"):
            return client if self._is_newer(self.record.writes[name]) else server
        return UNSETTLED

    def _forbidden(self, wish: dict[str, Any]) -> bool:
        name = self.kind.status
        if not name or not self.kind.steps or name not in wish:
            return False
        before = None if self.record.is_deleted else self.record.data.get(name)
        return before is not None and wish[name] != before and wish[name] not in self.kind.steps.get(before, [])

    def _write(
        self,
        wish: dict[str, Any],
        fields: dict[str, Any] | None = None,
        near: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> dict[str, Any]:
        """Apply what is left of the change, unless that would take the status where it must not go."""
        record, sent = self.record, self.sent
        if self._forbidden(wish):
            if not self.is_stale:
                return _rejected(sent, "invalid_transition")
            name = str(self.kind.status)
            before = record.data.get(name)
            fields = (fields or {}) | {name: _field(None, wish[name], before, "transition", "none", before)}
            return self._open("invalid_transition", fields, severity="critical")
        told: dict[str, Any] = {}
        if fields:
            told = {"conflict": True, "reason": reason or self.reason}
            self._note(told["reason"], "version", self._severity(fields), fields, is_open=False)
        if near:
            self._note("window", "window", "low", near, is_open=False)
        if wish or not record.version:
            self._put(wish, {n for n, f in (fields or {}).items() if self._is_combined(n, f["rule"])})
            told["wrote"] = record.version
        is_back = wish.get(DELETED) is False
        return self._applied("merged" if self.is_stale else "applied", is_back=is_back) | told

    def _is_combined(self, name: str, rule: str) -> bool:
        if self.kind.is_shadow:
            return False
        is_escalation = rule == "preserve_escalation" and name == self.kind.escalation
        return is_escalation or rule in ("set_merge", "true_wins", "monotonic", "max", "min")

    def _put(self, wish: dict[str, Any], combined: set[str]) -> None:
        record, sent = self.record, self.sent
        write = Write(record.version + 1, self.author, self.edited_at)
        dropped: set[str] = set()
        if wish.get(DELETED) is True:
            names = {*record.writes, DELETED}
        else:
            names = set(wish)
            if record.is_deleted and sent.op in ("create", "append"):
                dropped = {n for n, value in record.data.items() if value is not None}
                record.data = {}
            record.data = record.data | {n: v for n, v in wish.items() if n != DELETED}
        record.is_deleted = wish.get(DELETED, record.is_deleted)
        record.version += 1
        theirs = {n: self._others(record.writes[n]) for n in combined & names}
        record.writes |= dict.fromkeys(names, write)
        record.writes |= {n: replace(write, over=replace(w, over=None)) for n, w in theirs.items() if w is not None}
        record.history.append(record.data)
        record.touched.append({*wish, *dropped})

    def _severity(self, fields: dict[str, Any]) -> str:
        kind = self.kind
        if fields.keys() & {DELETED, kind.status, *kind.safety}:
            return "critical"
        sides = (self.record.data.get(kind.escalation or ""), self.sent.data.get(kind.escalation or ""))
        if len(fields) >= 3 or kind.escalated & {side for side in sides if isinstance(side, str)}:
            return "high"
        return "low" if all(f["winner"] == "merged" for f in fields.values()) else "medium"

    def _note(self, reason: str, detection: str, severity: str, fields: dict[str, Any], *, is_open: bool) -> None:
        self.model.conflicts.append(
            {
                "key": self.sent.key,
                "reason": reason,
                "detection": detection,
                "severity": severity,
                "status": "open" if is_open else "resolved",
                "fields": fields,
                "client_state": self.sent.data,
                "server_state": self.record.data,
                "client_version": self.sent.version,
                "server_version": self.record.version,
            }
        )

    def _open(self, reason: str, fields: dict[str, Any], severity: str | None = None) -> dict[str, Any]:
        record, sent = self.record, self.sent
        severity = severity or self._severity(fields)
        self._note(reason, "version", severity, fields, is_open=True)
        return _named(sent, "conflicts") | {
            "conflict": True,
            "reason": reason,
            "severity": severity,
            "client_version": sent.version,
            "server_version": record.version,
            "fields": {n: {side: f[side] for side in ("base", "client", "server")} for n, f in fields.items()},
            "server_state": record.data | ({DELETED: True} if record.is_deleted else {}),
        }

    def _applied(self, status: str, *, is_back: bool = False) -> dict[str, Any]:
        record = self.record
        seen = {
            "server_id": self.sent.key[1], "version": record.version, "data": record.data, "deleted": record.is_deleted,
        }  # fmt: skip
        return _named(self.sent, "applied") | {
            "status": status,
            "new_version": record.version,
            "record": seen if (self.is_stale or is_back) and record.version else None,
        }


def _named(sent: Sent, verdicts: str) -> dict[str, Any]:
    return {"list": verdicts, "entity": sent.key[0], "offline_id": sent.offline_id, "server_id": sent.key[1]}


def _rejected(sent: Sent, reason: str) -> dict[str, Any]:
    return {"list": "rejected", "entity": sent.key[0], "offline_id": sent.offline_id, "reason": reason}


def _field(base: Any, client: Any, server: Any, rule: str | None, winner: str, value: Any) -> dict[str, Any]:
    return {"base": base, "client": client, "server": server, "rule": rule, "winner": winner, "value": value}
