"""A step of the push, taken without all of its values.

Where it asks for one that is hidden, it is taken once more with what it may assume, and the answer says so. What
cannot be assumed is not guessed: the verdict is then None.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from sync_api.check.told import Told, Verdicts
from sync_api.engine.detect import others_write
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.hidden import CLASSES, Hidden, NeedsKind, NeedsValue, Origin, is_hidden
from sync_api.engine.values import DELETED, Decision, Json, Stamp
from sync_api.push.step import Step

if TYPE_CHECKING:
    from sync_api.check.rehearsal import Rehearsal


class RehearsedStep(Step):
    """One change that asks what would become of it."""

    fold: "Rehearsal"
    answer: Verdicts

    def run(self) -> None:
        fold, key, change = self.fold, self.named.record_key, self.named.change
        self.needs: dict[str, None] = {}
        self.leans = set(fold.unsure[key])
        self.kinds: dict[str, str] = {}
        if (change.client_version or 0) > self.record.chain(self.sender.sync_id).start:
            self.leans |= fold.torn[key]
        while True:
            self.is_guard_open = False
            try:
                self._recognise()
                if key in fold.lost:
                    self.answer.tell(Told(None))
                else:
                    super().run()
                break
            except NeedsValue as needs:
                if not self._assumes(needs):
                    self._note(needs.origin)
                    fold.lost.add(key)
        self._conclude(self.answer.told[-1])

    def _recognise(self) -> None:
        """Put in what the server can tell, against the record as it is at this point of the queue."""
        change, kind = self.named.change, self.fold.rules.types.get(self.named.sent.entity)
        if kind is None or not any(map(is_hidden, change.data.values())):
            return
        data: dict[str, Json] = {}
        for name, value in change.data.items():
            if is_hidden(value):
                value = value.of_kind(self.kinds.get(name, value.kind))
                value = self.fold.known.value(kind, name, value, self.record.data.get(name))
            data[name] = value
        self.named = replace(self.named, change=replace(change, data=data))

    def _assumes(self, needs: NeedsValue) -> bool:
        """Whether the step can be taken again, with a value of the kind that its field is declared to be."""
        name = needs.origin.field
        kind = self.fold.rules.types[self.named.sent.entity]
        declared = kind.fields.get(name)
        if not isinstance(needs, NeedsKind) or declared is None or declared.type == "any" or name in self.kinds:
            return False
        if declared.type in CLASSES:
            self.kinds[name] = declared.type
            self._note(needs.origin)
        else:  # a boolean would have been recognised
            self.kinds[name] = "other"
        return True

    def _note(self, origin: Origin) -> None:
        if origin.offline_id == self.named.sent.offline_id:
            self.needs[origin.field] = None
        else:
            self.leans.add(origin.offline_id)

    def _conclude(self, told: Told) -> None:
        """Say what the verdict depends on, and remember what depends on it."""
        told.leans = self.leans - {self.named.sent.offline_id}
        if self.needs or told.leans:
            self.fold.unsure[self.named.record_key].add(self.named.sent.offline_id)
        if told.verdict and any(name in self.kinds for name in self.needs):
            told.otherwise.append({"verdict": "rejected", "reason": "validation_error"})
        told.needs += [name for name in self.needs if name not in told.needs]

    def take_part(self, decision: Decision, policy: Policy, kind: EntityType) -> None:
        self.stamps = dict(self.record.stamps) if decision.conflict else {}
        super().take_part(decision, policy, kind)

    def log(self, *_: Any) -> None:
        """Nothing is written."""

    def tell(self, decision: Decision, *_: Any) -> str:
        told = Told(decision.outcome, decision.reason, decision.detail)
        if conflict := decision.conflict:
            told.reason, told.severity, told.is_shadow = conflict.reason, conflict.severity, conflict.is_shadow
            told.fields = {
                name: {"rule": field.rule, "winner": field.winner, "last_written": self._last_written(name)}
                for name, field in conflict.fields.items()
            }
            winners = {field.winner for field in conflict.fields.values()}
            if None in winners:
                told.needs = [name for name, field in conflict.fields.items() if field.winner is None]
                self.fold.torn[self.named.record_key].add(self.named.sent.offline_id)
                if told.severity == "medium" and winners <= {None, "merged"}:
                    told.severity = None
        if self.is_guard_open:
            verdict = "conflict" if decision.is_stale else "rejected"
            told.otherwise.append({"verdict": verdict, "reason": "invalid_transition"})
        return self.remember(self.answer.tell(told))

    def _last_written(self, name: str) -> dict[str, Any] | None:
        """Who else wrote it last. A delete meets whatever has been written since."""
        known = self.named.change.client_version or 0
        since = [stamp for stamp in self.stamps.values() if stamp["version"] > known]
        newest = max(since, key=_version, default=None)
        stamp = newest if name == DELETED and self.named.change.op == "delete" else self.stamps.get(name)
        if stamp is None:
            return None
        stamp = others_write(stamp, self.named.change) or stamp
        return {
            "user": stamp["user"],
            "device": stamp["device"],
            "version": stamp["version"],
            "edited_at": stamp["edited_at"],
            "received_at": stamp["event_at"],
        }

    def base_of(self, name: str) -> Json:
        """The field as the client knew it: by its hash, where that is what the client gives."""
        base = self.named.change.base.get(name)
        if type(base) is not Hidden:
            return super().base_of(name)
        candidates = (self._history(name), self.record.data.get(name), self.named.change.data.get(name))
        return next((one for one in candidates if not is_hidden(one) and base == one), Hidden(base.origin, None))

    def _history(self, name: str) -> Json:
        named = self.named
        self.named = replace(named, change=replace(named.change, base={}))
        try:
            return super().base_of(name)
        finally:
            self.named = named

    def missing_guard(self, kind: EntityType) -> Any:
        ask = super().missing_guard(kind)

        def missing(status: str, data: Mapping[str, Json]) -> Mapping[str, Any] | None:
            try:
                found: Mapping[str, Any] | None = ask(status, data)
            except NeedsValue as needs:
                self._note(needs.origin)
                self.is_guard_open = True
                return None
            return found

        return missing

    def satisfies(self, entity: str, entity_id: Json, statuses: tuple[str, ...]) -> bool:
        if isinstance(entity_id, str):
            self.leans |= self.fold.unsure[entity, entity_id]
        return super().satisfies(entity, entity_id, statuses)


def _version(stamp: Stamp) -> int:
    return int(stamp["version"])
