"""What else has to be read before a batch can be decided: records that guards ask for, values as clients knew them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from sync_api.push.fold import Fold
from sync_api.push.prepare import Named
from sync_api.push.store import BaseKey, RecordKey
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


def bases(fold: Fold, changes: Iterable[Named]) -> dict[BaseKey, tuple[datetime, datetime]]:
    """The fields of stale changes that somebody wrote since, where the client does not say what they were: with the
    first and the last moment at which the value that it knew can have been replaced."""
    wanted: dict[BaseKey, tuple[datetime, datetime]] = {}
    for one in changes:
        version = one.change.client_version or 0
        record = fold.record(one.record_key)
        if version >= record.version or one.change.op == "delete":
            continue
        bounds = None
        for name in _written_since(record, one, version):
            bounds = bounds or (_last_known(record, version), _last_written(record))
            wanted[one.sent.entity, one.entity_id, name, version] = bounds
    return wanted


def _written_since(record: Working, one: Named, version: int) -> Iterator[str]:
    for name in one.change.data:
        stamp = record.stamps.get(name)
        if stamp is not None and stamp["version"] > version and name not in one.change.base:
            yield name


def _last_written(record: Working) -> datetime:
    """The last moment at which anything was. A field's own stamp will not do: a delete stamps fields that it keeps,
    and what a new record under the same id drops is dropped later."""
    return datetime.fromisoformat(max(stamp["event_at"] for stamp in record.stamps.values()))


def _last_known(record: Working, version: int) -> datetime:
    """A moment at which the record was still no newer than what the client had."""
    known = [stamp["event_at"] for stamp in record.stamps.values() if stamp["version"] <= version]
    return datetime.fromisoformat(max(known)) if known else LONG_AGO
