"""What else has to be read before a batch can be decided: records that guards ask for, values as clients knew them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from sync_api.engine.detect import is_others_since
from sync_api.engine.membership import concerned
from sync_api.engine.values import Stamp, same
from sync_api.push.fold import Fold
from sync_api.push.prepare import Named, RecordKey
from sync_api.push.store import BaseKey, Replaced
from sync_api.push.working import Working

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def related(fold: Fold, changes: Iterable[Named]) -> list[RecordKey]:
    """The records, not read yet, that the guards of the statuses in this batch ask for."""
    wanted: dict[RecordKey, None] = {}
    for one in changes:
        kind = fold.rules.types.get(one.sent.entity)
        if kind is None or not kind.guards:
            continue
        data = {**fold.record(one.record_key).data, **one.change.data}
        for guard in kind.guards.get(str(data.get(kind.status_field or "")), ()):
            named = data.get(guard.field)
            for entity_id in named if isinstance(named, list) else [named]:
                if isinstance(entity_id, str) and (guard.entity, entity_id) not in fold.snapshot.records:
                    wanted[guard.entity, entity_id] = None
    return list(wanted)


def projects(fold: Fold, changes: Iterable[Named]) -> set[str]:
    """The projects that these changes touch: those of their records, and those that they name."""
    found: set[str] = set()
    for one in changes:
        record = fold.snapshot.records.get(one.record_key)
        for project in concerned(record.project_id if record else None, one.change.data):
            if isinstance(project, str):
                found.add(project)
    return found


def bases(fold: Fold, changes: Sequence[Named]) -> dict[BaseKey, Replaced]:
    """The fields of stale changes that may collide, where the client does not say what they were: with what is known
    about when they were replaced."""
    stale = [one for one in changes if (one.change.client_version or 0) < fold.record(one.record_key).version]
    if not stale:
        return {}
    wanted: dict[BaseKey, Replaced] = {}
    times = Counter(one.record_key for one in changes)
    for one in stale:
        if one.change.op == "delete":
            continue
        version = one.change.client_version or 0
        record = fold.record(one.record_key)
        span = None
        for name, stamp in _written_since(record, one, version, is_alone=times[one.record_key] == 1):
            key = (one.sent.entity, one.entity_id, name, version)
            span = span or (_last_known(record, version), _last_written(record))
            is_next = stamp["version"] == version + 1
            wanted[key] = Replaced(*span, stamp if is_next else None)
    return wanted


def _written_since(record: Working, one: Named, version: int, *, is_alone: bool) -> Iterator[tuple[str, Stamp]]:
    """is_alone: no other change of the transaction touches the record, so that what cannot collide now never will."""
    for name, value in one.change.data.items():
        stamp = record.stamps.get(name)
        if stamp is None or stamp["version"] <= version or name in one.change.base:
            continue
        if not is_alone or (is_others_since(stamp, one.change, version) and not same(record.data.get(name), value)):
            yield name, stamp


def _last_written(record: Working) -> datetime:
    """The last moment at which anything was. A field's own stamp will not do: a delete stamps fields that it keeps,
    and what a new record under the same id drops is dropped later."""
    return datetime.fromisoformat(max(stamp["event_at"] for stamp in record.stamps.values()))


def _last_known(record: Working, version: int) -> datetime:
    """A moment at which the record was still no newer than what the client had."""
    known = [stamp["event_at"] for stamp in record.stamps.values() if stamp["version"] <= version]
    return datetime.fromisoformat(max(known)) if known else LONG_AGO
