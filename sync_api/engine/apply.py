"""Put a decision into effect on a record in memory."""

from collections.abc import Mapping

from sync_api.engine.values import DELETED, Decision, Json, Record, Stamp


def apply(record: Record, decision: Decision, stamp: Stamp) -> dict[str, Stamp]:
    """Change `record` in place to what the decision makes of it; answers the stamps that are new.

    A delete writes every field: whoever edited one offline must find that out. It keeps the values, so that
    nothing is lost with it.
    """
    is_deleted = decision.writes.get(DELETED)
    if is_deleted:
        fresh = dict.fromkeys([*record.stamps, DELETED], stamp)
    else:
        fresh = dict.fromkeys(decision.writes, stamp)
        if decision.over:
            fresh.update({name: {**stamp, "over": others} for name, others in decision.over.items()})
        if decision.replaces:
            record.data = {}
        record.data.update(fields(decision))
    if is_deleted is not None:
        record.is_deleted = is_deleted
    record.stamps.update(fresh)
    record.version = stamp["version"]
    return fresh


def fields(decision: Decision) -> Mapping[str, Json]:
    """What is written to the record's own fields."""
    if DELETED not in decision.writes:
        return decision.writes
    return {name: value for name, value in decision.writes.items() if name != DELETED}
