"""A fold that is decided like any other and never written: the push's own, some of its values hidden."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from sync_api.check.known import Known
from sync_api.check.step import RehearsedStep
from sync_api.check.told import Told, Verdicts
from sync_api.push.fold import Fold
from sync_api.push.prepare import ChangeKey, Named, RecordKey, Sender
from sync_api.push.schemas import Malformed


class Rehearsal(Fold):
    """unsure: offline_ids of changes that may end otherwise, by the record that they would leave otherwise. torn: of
    those that leave a field as nobody can tell. lost: records of which nothing can be said any more. assumed: fields
    of changes that were answered before, taken to be what they were."""

    step = RehearsedStep

    def __init__(self, fold: Fold, known: Known, assumed: Mapping[ChangeKey, list[str]]) -> None:
        vars(self).update(vars(fold))
        self.known = known
        self.assumed = assumed
        self.unsure: defaultdict[RecordKey, set[str]] = defaultdict(set)
        self.torn: defaultdict[RecordKey, set[str]] = defaultdict(set)
        self.lost: set[RecordKey] = set()

    def rehearse(self, sender: Sender, changes: Sequence[Named | Malformed]) -> list[Told]:
        """The verdict on every change of a push, in order."""
        verdicts, tally = Verdicts(), Counter[str]()
        for named in changes:
            self.turn(sender, named, verdicts, tally)
            if isinstance(named, Named) and verdicts.told[-1].is_replayed:
                self._assumed(named, verdicts.told[-1])
        return verdicts.told

    def _assumed(self, named: Named, told: Told) -> None:
        unsure = self.unsure[named.record_key]
        told.leans |= unsure
        told.needs = self.assumed.get(named.key, [])
        if told.needs:
            told.otherwise.append({"verdict": "rejected", "reason": "idempotency_mismatch"})
            unsure.add(named.sent.offline_id)
