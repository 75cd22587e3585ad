"""One change on its way to a verdict: decided, put into effect on the record in memory, logged, answered."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from sync_api.engine.decide import decide, no_guard
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.values import DELETED, Decision, Json
from sync_api.push import conflict_rows
from sync_api.push.answers import RETRYABLE, Answer, rejection
from sync_api.push.prepare import Named, Sender
from sync_api.push.rows import ChangeRow, ClosingRow, answer_alone

if TYPE_CHECKING:
    from sync_api.push.fold import Fold


class Step:
    """One change on its way to a verdict."""

    __slots__ = ("answer", "fold", "named", "number", "record", "sender", "tally")

    def __init__(
        self,
        fold: "Fold",
        sender: Sender,
        named: Named,
        answer: Answer,
        tally: Counter[str],
    ) -> None:
        self.fold = fold
        self.sender = sender
        self.named = named
        self.answer = answer
        self.number = fold.writes.by(sender)
        self.tally = tally
        self.record = fold.record(named.record_key)

    def run(self) -> None:
        kind = self.fold.rules.types.get(self.named.sent.entity)
        if kind is None:
            self.reject("unknown_entity", None)
            return
        change = self.named.change
        chain = self.record.chain(self.sender.sync_id)
        is_whole = change.op == "delete"
        if chain.blocks(change.data, whole=is_whole):
            chain.block(change.data, whole=is_whole)  # or it would later come after what was written on top of it
            self.reject("blocked", {"because": "an earlier change of this batch waits"})
            return
        if not self.fold.permits(self.sender.user, self.record, change.data):
            chain.block(change.data, whole=is_whole)
            self.reject("not_permitted", {"because": "not a member of the project"}, is_final=False)
            return
        policy = self.fold.rules.policy(kind)
        decision = decide(
            change,
            self.record,
            kind,
            policy,
            start=chain.start,
            base_of=self.base_of,
            missing_guard=self.missing_guard(kind) if kind.guards else no_guard,
        )
        if decision.outcome in ("rejected", "conflict"):
            chain.block(change.data, whole=is_whole)
        if decision.outcome == "rejected":
            self.reject(decision.reason or "validation_error", decision.detail)
        else:
            self.take_part(decision, policy, kind)

    def reject(self, reason: str, detail: Mapping[str, Any] | None, *, is_final: bool = True) -> None:
        """is_final: whether the same change sent again is to be told the same."""
        sent = self.named.sent
        item = rejection(sent.entity, sent.offline_id, reason, detail)
        stored = self.answer.add("rejected", item)
        self.tally["rejected"] += 1
        if is_final and reason not in RETRYABLE:
            row = answer_alone(self.number, self.named, self.remember(stored))
            self.fold.writes.changes.append(row)

    def take_part(self, decision: Decision, policy: Policy, kind: EntityType) -> None:
        """Log the change, put it into effect, answer it."""
        record, sender, writes = self.record, self.sender, self.fold.writes
        server_version, seen_before = record.version, None
        event_id = self.named.event_id
        ord_ = writes.tick()
        if decision.conflict or decision.window:
            seen_before = (dict(record.data), dict(record.stamps))
        field_changes: dict[str, Any] = {}
        if decision.writes:
            stamp = {
                "version": server_version + 1,
                "user": sender.user,
                "device": sender.device,
                "event_id": event_id,
                "event_at": sender.received_text,
                "edited_at": self.named.change.edited_at,
            }
            field_changes = record.write(decision, stamp)
        elif decision.outcome == "applied":  # a record without any field
            record.version = server_version + 1
        is_conflicted = decision.conflict is not None
        if decision.outcome != "unchanged":
            record.count(sender, self.number, is_conflicted=is_conflicted)
            writes.events[sender.user] += 1
            writes.conflicted[sender.user] += is_conflicted
            writes.activity.note(
                sender.sync_id, sender.user, self.named.sent.entity, self.named.edited_at, sender.received_at,
                is_conflicted,
            )  # fmt: skip
        self.tally[decision.outcome] += 1
        if (edit_id := self.named.sent.edit_id) and sender.kind != "import":  # an import brings its own presence
            writes.closing[edit_id] = ClosingRow(edit_id, sender.user, sender.received_at, writes.tick())
        if record.size and self.named.sent.data:
            self.tally["saved"] += max(0, record.size - self.named.size)
        conflict_id = None
        if seen_before is not None:
            conflict_id = conflict_rows.add(
                writes, self.fold.tenant, sender, self.named, decision, policy, event_id, ord_,
                server_version, seen_before,
            )  # fmt: skip
        stored = self.tell(decision, kind, policy, event_id, conflict_id, server_version)
        self.log(decision, event_id, ord_, server_version, field_changes, stored)

    def log(
        self,
        decision: Decision,
        event_id: str,
        ord_: int,
        server_version: int,
        field_changes: dict[str, Any],
        stored: str,
    ) -> None:
        named, sent, sender, record = self.named, self.named.sent, self.sender, self.record
        # an import brings its presence along: who had what open at that time is not written yet
        editors = None
        if sender.kind != "import":
            editors = record.presence.concurrent_editors(sender.user, sender.received_ms)
        row = ChangeRow(
            event_id,
            self.number,
            ord_,
            sent.entity,
            named.entity_id,
            record.project_id,
            sent.offline_id,
            sent.op,
            sent.client_version,
            server_version,
            record.version if record.version != server_version else None,
            decision.outcome,
            decision.conflict is not None,
            orjson.dumps(field_changes).decode(),
            "\x1f".join(decision.touched or named.change.data),
            named.edited_at_sent,
            named.edited_at,
            sent.edit_id,
            sent.prediction_id,
            editors,
            record.presence.hours_since_last_sync(sender.user, sender.received_ms),
            named.sha256,
            stored,
        )
        self.fold.writes.changes.append(row)
        record.logged(row)

    def tell(
        self,
        decision: Decision,
        kind: EntityType,
        policy: Policy,
        event_id: str,
        conflict_id: str | None,
        server_version: int,
    ) -> str:
        sent, record = self.named.sent, self.record
        item: dict[str, Any] = {
            "entity": sent.entity,
            "offline_id": sent.offline_id,
            "server_id": self.named.entity_id,
        }
        if decision.outcome == "conflict":
            item |= conflict_rows.as_told(decision, kind, policy, self.named, record, conflict_id, server_version)
            item["sync_event_id"] = event_id
            return self.remember(self.answer.add("conflicts", item))
        item["new_version"] = record.version
        item["status"] = decision.outcome
        item["sync_event_id"] = event_id
        # who brings a record back may know it only as deleted, without what it held
        is_news = decision.is_stale or decision.writes.get(DELETED) is False or self.named.refers
        item["record"] = record.as_seen() if is_news and record.version else None
        if decision.conflict is not None:
            item["conflict_id"] = conflict_id
            item["reason"] = decision.conflict.reason
            self.tally["auto_resolved"] += 1
        return self.remember(self.answer.add("applied", item))

    def remember(self, stored: str) -> str:
        """Let the same change, should it come again, be told the same."""
        self.fold.answers[self.named.key] = (self.named.sha256, stored)
        return stored

    def base_of(self, name: str) -> Json:
        """The field at the version that the client had: as it says, else by stored history."""
        change = self.named.change
        if name in change.base:
            return change.base[name]
        version = change.client_version or 0
        key = (*self.named.record_key, name, version)
        if key in self.fold.bases:
            return self.fold.bases[key]
        return next(
            (changed[name]["old"] for at, changed in self.record.past if at > version and name in changed), None
        )

    def missing_guard(self, kind: EntityType) -> Any:
        def missing(status: str, data: Mapping[str, Json]) -> Mapping[str, Any] | None:
            for guard in kind.guards.get(status, ()):
                wanted = data.get(guard.field)
                for_ids = wanted if isinstance(wanted, list) else [wanted] if wanted else []
                if not for_ids or not all(self.satisfies(guard.entity, i, guard.statuses) for i in for_ids):
                    return {"field": kind.status_field, "to": status, "needs": guard.field, "entity": guard.entity}
            return None

        return missing

    def satisfies(self, entity: str, entity_id: Json, statuses: tuple[str, ...]) -> bool:
        """Whether a record that a guard asks for is there, and where it should be."""
        if not isinstance(entity_id, str):
            return False
        related = self.fold.record((entity, entity_id))
        if related.version == 0 or related.is_deleted:
            return False
        kind = self.fold.rules.types.get(entity)
        status_field = kind.status_field if kind else None
        return not statuses or related.data.get(status_field or "status") in statuses
