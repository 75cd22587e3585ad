"""Ids inside data. Where a field is declared to refer to a type, the offline_id of an earlier create of that type in
the same batch becomes the id of the record that it makes. Pure; the digest of a change stays that of what was sent.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from sync_api.engine.entity_types import EntityType
from sync_api.engine.values import Json
from sync_api.push.prepare import NOTHING, Named
from sync_api.push.schemas import Malformed

Born = dict[tuple[str, str], str]  # (entity type, offline_id) → id


def put_in(changes: Sequence[Named | Malformed], types: Mapping[str, EntityType]) -> list[Named | Malformed]:
    """The changes of one batch with the final ids in them. Doing it again, even with other types, is the same as
    doing it with these alone."""
    entities = {one.sent.entity for one in changes if isinstance(one, Named)}
    if not any(types[name].references for name in entities & types.keys()):
        return [_plain(one) for one in changes]
    born: Born = {}
    done: list[Named | Malformed] = []
    for one in changes:
        if isinstance(one, Malformed):
            done.append(one)
            continue
        kind = types.get(one.sent.entity)
        done.append(_referring(one, kind.references, born) if kind else _plain(one))
        if one.sent.op in ("create", "append"):
            born.setdefault((one.sent.entity, one.sent.offline_id), one.entity_id)
    return done


def _plain(one: Named | Malformed) -> Named | Malformed:
    if isinstance(one, Malformed) or not (one.refers or one.change.base is not (one.sent.base or NOTHING)):
        return one
    return _referring(one, {}, {})


def _referring(one: Named, references: Mapping[str, str], born: Born) -> Named:
    data = _final(one.sent.data or {}, references, born)
    base = _final(one.sent.base or {}, references, born)
    refers = data != (one.sent.data or {})
    if not (refers or one.refers or base != (one.sent.base or {})):
        return one
    return replace(one, change=replace(one.change, data=data, base=base), refers=refers)


def _final(part: Mapping[str, Json], references: Mapping[str, str], born: Born) -> dict[str, Json]:
    fields = {name: _id(part[name], entity, born) for name, entity in references.items() if name in part}
    return {**part, **fields}


def _id(value: Json, entity: str, born: Born) -> Json:
    """A single id, or those in a list; anything else stays for the field's type to judge."""
    if isinstance(value, str):
        return born.get((entity, value), value)
    if isinstance(value, list):
        return [born.get((entity, one), one) if isinstance(one, str) else one for one in value]
    return value
