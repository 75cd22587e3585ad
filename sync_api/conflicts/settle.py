"""What a person's choice makes of an open conflict. Pure: a conflict and the record as it is now come in, what is to
be pushed in the person's name comes out.

The record may have moved on since the conflict was found, so nothing here trusts the server's side as it was then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sync_api.engine import detect, resolve
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.values import DELETED, Change, Json, Op, Record, same

Choice = Literal["keep_mine", "use_server", "merge", "discard"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One field as the two sides stand now. hint: the rule that a merge without a value would follow."""

    base: Json
    mine: Json
    theirs: Json
    hint: str
    collides: bool


@dataclass(frozen=True, slots=True)
class Patch:
    """What is pushed in the person's name."""

    op: Op
    data: Mapping[str, Json]


class NeedsValue(Exception):  # noqa: N818 - a question to the person, not an error
    """These fields have no rule that could merge them: the person has to say what they become."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def standing(
    change: Change, found: Mapping[str, Mapping[str, Any]], record: Record, kind: EntityType, policy: Policy
) -> dict[str, Standing]:
    """The disputed fields now: those that were found then, and those that collide by now.

    found: `field_conflicts` as it is stored.
    """
    names = dict.fromkeys((*found, *_colliding(change, record)))
    return {name: _standing(name, change, found.get(name, {}), record, kind, policy) for name in names}


def patch(
    choice: Choice,
    value: Mapping[str, Json],
    change: Change,
    fields: Mapping[str, Standing],
    record: Record,
    kind: EntityType,
) -> Patch | None:
    """What the choice writes; None when it writes nothing. NeedsValue when a merge is not possible without one.

    keep_mine: the whole change. use_server: the change without the fields that collide. merge: the change, with
    `value` where it says something and each field's rule where it does not. discard: nothing.
    """
    colliding = [name for name, field in fields.items() if field.collides]
    match choice:
        case "discard":
            return None
        case "keep_mine":
            return Patch(change.op, change.data)
        case "use_server":
            return None if DELETED in colliding else _update({n: v for n, v in change.data.items() if n not in fields})
        case "merge":
            if DELETED in colliding or change.op == "delete":
                raise NeedsValue([DELETED])
            missing = [name for name in colliding if name not in value]
            merged = {name: _merged(name, change, fields[name], record, kind) for name in missing}
            if helpless := [name for name, result in merged.items() if result is _NOTHING]:
                raise NeedsValue(helpless)
            return _update({**change.data, **merged, **value})


_NOTHING: Any = object()


def _update(data: Mapping[str, Json]) -> Patch | None:
    return Patch("update", data) if data else None


def _merged(name: str, change: Change, field: Standing, record: Record, kind: EntityType) -> Json:
    if name not in record.stamps:  # nobody else has ever written it
        return field.mine
    by_hint = Policy("manual", {name: field.hint})
    told = resolve.resolve(name, change, record, field.base, kind, by_hint)
    return _NOTHING if told.winner == "none" else told.value


def _standing(
    name: str, change: Change, found: Mapping[str, Any], record: Record, kind: EntityType, policy: Policy
) -> Standing:
    mine, theirs = change.data.get(name), record.data.get(name)
    if name == DELETED:
        mine, theirs = change.op == "delete", record.is_deleted
    base = found.get("base", change.base.get(name))
    return Standing(base, mine, theirs, resolve.hint(name, kind, policy, (mine, theirs)), not same(mine, theirs))


def _colliding(change: Change, record: Record) -> list[str]:
    known = change.client_version or 0
    if change.op == "delete":
        return [DELETED] if not record.is_deleted and detect.written_since(record, change, known) else []
    if record.is_deleted:
        return [DELETED] if detect.tombstone_collides(record, change, known) else []
    return detect.collisions(detect.differing(change, record), record, change, known)


def losses(
    choice: Choice, change: Change, fields: Mapping[str, Standing], before: Mapping[str, Json], record: Record
) -> dict[str, dict[str, Any]]:
    """Every disputed field with its winner and the value that lost; of a discarded change, every field.

    before: the record's data before the choice took effect; `record` is as it is after.
    """
    names = dict.fromkeys((*fields, *(change.data if choice == "discard" else ())))
    told = {}
    for name in names:
        field = fields.get(name)
        mine = field.mine if field else change.data[name]
        theirs = field.theirs if field else before.get(name)
        value = record.is_deleted if name == DELETED else record.data.get(name)
        told[name] = {"rule": choice, **_outcome(mine, theirs, value)}
    return told


def _outcome(mine: Json, theirs: Json, value: Json) -> dict[str, Any]:
    if same(mine, theirs) and same(value, mine):
        return {"winner": "client", "value": value, "loser": None, "losing_value": None}
    if same(value, mine):
        return {"winner": "client", "value": value, "loser": "server", "losing_value": theirs}
    if same(value, theirs):
        return {"winner": "server", "value": value, "loser": "client", "losing_value": mine}
    return {"winner": "merged", "value": value, "loser": None, "losing_value": {"client": mine, "server": theirs}}
