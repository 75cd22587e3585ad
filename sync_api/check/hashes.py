"""From a change as it is asked to one that can be judged: its hashes in the place of values, and back again."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from msgspec.structs import replace

from sync_api import canonical
from sync_api.check.known import Known
from sync_api.check.schemas import AskedIn
from sync_api.engine.entity_types import EntityType
from sync_api.engine.hidden import Hashes, Hidden, Origin, is_hidden
from sync_api.engine.values import Json
from sync_api.push.prepare import ChangeKey, Named, digest, written
from sync_api.push.schemas import Malformed


def hide(named: Named, taken: Hashes) -> Named:
    """The change with what its hashes stand for."""
    sent = named.sent
    assert isinstance(sent, AskedIn)
    if not (sent.hashes or sent.base_hashes):
        return named
    kinds = sent.types or {}
    data = {
        name: Hidden(Origin(sent.offline_id, name), sha, kinds.get(name), taken) for name, sha in _items(sent.hashes)
    }
    base = {name: Hidden(Origin(sent.offline_id, name), sha, None, taken) for name, sha in _items(sent.base_hashes)}
    change = named.change
    return replace(named, change=replace(change, data={**change.data, **data}, base={**change.base, **base}))


def referring(changes: Sequence[Named | Malformed], types: Mapping[str, EntityType]) -> list[Named | Malformed]:
    """The changes whose hashes may stand for the offline_ids of earlier creates: where one does, its final id; where a
    list may hold one, a value of which not even the hash is known."""
    born: dict[str, dict[str, str]] = {}
    done: list[Named | Malformed] = []
    for one in changes:
        if isinstance(one, Named):
            kind = types.get(one.sent.entity)
            for name, entity in (kind.references if kind else {}).items():
                if (value := one.change.data.get(name)) is not None and is_hidden(value) and entity in born:
                    data = {**one.change.data, name: _referred(value, born[entity])}
                    one = replace(one, change=replace(one.change, data=data))
            if one.sent.op in ("create", "append"):
                born.setdefault(one.sent.entity, {}).setdefault(one.sent.offline_id, one.entity_id)
        done.append(one)
    return done


def _referred(hidden: Hidden, born: Mapping[str, str]) -> Json:
    for offline_id, entity_id in born.items():
        if hidden == offline_id:
            return entity_id
    return Hidden(hidden.origin, None, hidden.kind) if hidden.kind in ("list", None) else hidden


def plain(named: Named) -> Named:
    """The change without what is hidden: what else has to be read does not depend on that."""
    change = named.change
    return replace(named, change=replace(change, data=_plain(change.data), base=_plain(change.base)))


def recognised(named: Named, kind: EntityType | None, known: Known, now: Mapping[str, Json]) -> Named:
    """The change with every value that the server can tell. now: the record's fields."""
    data = named.change.data
    if kind is None or not any(map(is_hidden, data.values())):
        return named
    told = {n: known.value(kind, n, v, now.get(n)) if is_hidden(v) else v for n, v in data.items()}
    return replace(named, change=replace(named.change, data=told))


def again(
    named: Named, kind: EntityType | None, known: Known, now: Mapping[str, Json], before: tuple[bytes, str]
) -> Named:
    """A change whose offline_id was answered before, with the digest that it has if its values are those that the
    server knows of it; as hidden as it came where that proves nothing."""
    answer = orjson.loads(before[1])["answer"]
    there = {**now, **((answer.get("record") or {}).get("data") or {})}
    there |= {name: field["client"] for name, field in (answer.get("fields") or {}).items()}
    data = dict(recognised(named, kind, known, there).change.data)
    if any(map(is_hidden, data.values())):
        return named
    sent = replace(named.sent, data=data)
    return replace(named, sha256=digest(sent, written(sent)))


def tell_apart(changes: Sequence[Named | Malformed], keys: Mapping[int, ChangeKey]) -> list[Named | Malformed]:
    """The changes, those that share an offline_id with a digest of their hashes: the same content, the same digest."""
    times: Counter[ChangeKey | None] = Counter(keys.values())
    return [
        replace(one, sha256=_said(one)) if isinstance(one, Named) and times[keys.get(at)] > 1 else one
        for at, one in enumerate(changes)
    ]


def _said(named: Named) -> bytes:
    sent = named.sent
    data = {n: v.sha256 if is_hidden(v) else canonical.sha256(v) for n, v in named.change.data.items()}
    edited_at = sent.edited_at.isoformat() if sent.edited_at else None
    said: list[Any] = [sent.entity, sent.op, sent.server_id, edited_at, data]
    return hashlib.sha256(canonical.encode(said)).digest()


def _items(hashes: Mapping[str, str] | None) -> list[tuple[str, str]]:
    return list((hashes or {}).items())


def _plain(values: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in values.items() if not is_hidden(value)}
