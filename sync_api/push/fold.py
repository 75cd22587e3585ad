"""Fold the changes of one or several pushes over the records that they touch, in order, in memory.

Everything that has been read comes in, everything that is to be written comes out. No I/O.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from sync_api.engine.membership import permits
from sync_api.engine.values import Json
from sync_api.push.answers import Answer, rejection
from sync_api.push.prepare import ChangeKey, Named, RecordKey, Sender
from sync_api.push.request_row import request_row
from sync_api.push.rows import DeviceRow, Writes
from sync_api.push.schemas import Malformed
from sync_api.push.step import Step
from sync_api.push.store import BaseKey, Snapshot
from sync_api.push.working import Working, load
from sync_api.rules import Rules


class Fold:
    """A transaction's worth of pushes of one tenant."""

    step: type[Step] = Step

    def __init__(self, tenant: str, rules: Rules, snapshot: Snapshot) -> None:
        self.tenant = tenant
        self.rules = rules
        self.snapshot = snapshot
        self.bases: Mapping[BaseKey, Json] = {}
        self.members: frozenset[tuple[str, str]] | None = None  # (user, project); None: everybody may do everything
        self.writes = Writes()
        self.records: dict[RecordKey, Working] = {}
        self.answers: dict[ChangeKey, tuple[bytes, str]] = dict(snapshot.answers)

    def record(self, key: RecordKey) -> Working:
        """The record as it is at this point of the transaction."""
        record = self.records.get(key)
        if record is None:
            record = self.records[key] = load(key, self.snapshot.records.get(key))
        return record

    def permits(self, user: str, record: Working, data: Mapping[str, Json]) -> bool:
        """Whether the user may write the record where it is, and to where these fields would move it."""
        return self.members is None or permits(self.members, user, record.project_id, data)

    def push(self, sender: Sender, changes: Sequence[Named | Malformed]) -> Answer:
        """Decide every change of a push."""
        answer = Answer(sender.sync_id)
        tally: Counter[str] = Counter()
        for named in changes:
            self.turn(sender, named, answer, tally)
        self.writes.devices[sender.device] = DeviceRow(sender.device, sender.user, sender.metadata, sender.received_at)
        if sender.kind != "import" or answer.replayed < len(changes):
            self.writes.requests.append(request_row(sender, self.writes.by(sender), answer, tally, self.writes.length))
        return answer

    def turn(self, sender: Sender, named: Named | Malformed, answer: Answer, tally: Counter[str]) -> None:
        """Decide one change: a new one, one that was answered before, or one that cannot be read."""
        if isinstance(named, Malformed):
            item = rejection(named.entity, named.offline_id, "validation_error", {"because": named.complaint})
            answer.add("rejected", item)
            tally["rejected"] += 1
            return
        before = self.answers.get(named.key)
        if before is None:
            self.step(self, sender, named, answer, tally).run()
        elif before[0] == named.sha256:
            if answer.replay(before[1]) != "applied":
                self._hold(sender, named)
        else:
            item = rejection(named.sent.entity, named.sent.offline_id, "idempotency_mismatch", None)
            answer.add("rejected", item)
            tally["rejected"] += 1
            self._hold(sender, named)

    def _hold(self, sender: Sender, named: Named) -> None:
        """Let what follows in the chain wait for this change, as it did when the change first came: a push that is
        sent again is judged as it was."""
        self.record(named.record_key).chain(sender.sync_id).block(named.change.data, whole=named.change.op == "delete")

    def finish(self) -> Writes:
        """Everything to be written."""
        found = [self.records[key].row() for key in sorted(self.records)]  # the order in which they are locked
        rows = [row for row in found if row is not None]
        self.writes.changes[:] = rows + [row for row in self.writes.changes if row.events is None]
        return self.writes
