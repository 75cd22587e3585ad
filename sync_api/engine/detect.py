"""Which fields of a change collide with what others wrote. Says nothing of who is right."""

from collections.abc import Collection, Mapping

from sync_api.engine import clock
from sync_api.engine.values import DELETED, Change, Json, Record, Stamp, same

WINDOW_SECONDS = 300


def differing(change: Change, record: Record) -> dict[str, Json]:
    """The fields that the change would change; a missing field is the same as null."""
    now = record.data
    return {name: value for name, value in change.data.items() if not same(now.get(name), value)}


def is_foreign(stamp: Stamp, change: Change) -> bool:
    """Whether another (user, device) wrote it: another device of the same person is somebody else."""
    return bool(stamp["user"] != change.user or stamp["device"] != change.device)


def others_write(stamp: Stamp, change: Change) -> Stamp | None:
    """Another's write that the field's value comes from: the last one, or what the last one was combined with."""
    return stamp if is_foreign(stamp, change) else stamp.get("over")


def is_others_since(stamp: Stamp, change: Change, version: int) -> bool:
    """Whether another's write after `version` is in the field."""
    others = others_write(stamp, change)
    return others is not None and others["version"] > version


def written_since(record: Record, change: Change, version: int) -> list[str]:
    """Every field that another wrote after `version`, `_deleted` included."""
    return [name for name, stamp in record.stamps.items() if is_others_since(stamp, change, version)]


def collisions(candidates: Mapping[str, Json], record: Record, change: Change, version: int) -> list[str]:
    """Those of the differing fields that another wrote after the version that the client had."""
    found = []
    for name in candidates:
        stamp = record.stamps.get(name)
        if stamp is not None and is_others_since(stamp, change, version):
            found.append(name)
    return found


def tombstone_collides(record: Record, change: Change, version: int) -> bool:
    """Whether another deleted the record after the version that the client had."""
    stamp = record.stamps.get(DELETED)
    return record.is_deleted and stamp is not None and is_others_since(stamp, change, version)


def near_misses(
    candidates: Mapping[str, Json], record: Record, change: Change, colliding: Collection[str]
) -> list[str]:
    """The fields that another *user* last wrote within the window before this edit, stale or not, and that do not
    collide."""
    found = []
    earliest = ""
    for name in candidates:
        stamp = record.stamps.get(name)
        if stamp is None or stamp["user"] == change.user or name in colliding:
            continue
        earliest = earliest or clock.before(change.edited_at, WINDOW_SECONDS)
        if earliest <= stamp["edited_at"] <= change.edited_at:
            found.append(name)
    return found
