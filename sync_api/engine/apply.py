"""Put a decision into effect on a record in memory."""

from sync_api.engine.values import DELETED, Decision, Record, Stamp


def apply(record: Record, decision: Decision, stamp: Stamp) -> dict[str, Stamp]:
    """Change `record` in place to what the decision makes of it; answers the stamps that are new.

    A delete writes every field: whoever edited one offline must find that out. It keeps the values, so that
    nothing is lost with it.
    """
    is_deleted = decision.writes.get(DELETED)
    if is_deleted:
        written = [*record.stamps, DELETED]
    else:
        written = list(decision.writes)
        if decision.replaces:
            record.data = {}
        record.data.update((name, value) for name, value in decision.writes.items() if name != DELETED)
    if is_deleted is not None:
        record.is_deleted = is_deleted
    fresh = dict.fromkeys(written, stamp)
    record.stamps.update(fresh)
    record.version = stamp["version"]
    return fresh
