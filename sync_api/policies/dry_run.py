"""A conflict of the past, settled again under another policy. Pure: the engine's own resolution over what was stored.

Times come from the log: the client's edit, and the edits that it collided with. Where a row of the log has been
archived, the moment at which that edit was received stands for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sync_api.engine import clock, resolve
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.values import DELETED, Change, FieldConflict, Json, Record, Stamp, same


@dataclass(frozen=True, slots=True)
class Case:
    """A conflict as it was found. found: `field_conflicts` as it is stored."""

    change: Change
    record: Record
    found: Mapping[str, Mapping[str, Json]]


def case(row: Mapping[str, Any]) -> Case:
    """The case of a row of `store.CONFLICTS`."""
    found = orjson.loads(row["field_conflicts"])
    change = Change(
        op=row["operation"] or "update",
        user=row["user_id"],
        device=row["device_id"],
        client_version=row["client_version"],
        edited_at=clock.text(row["edited_at"] or row["created_at"]),
        data=orjson.loads(row["client_state"]),
    )
    stamps = _stamps(found, orjson.loads(row["rivals"] or "[]"), row)
    is_deleted = bool(found.get(DELETED, {}).get("server"))
    return Case(change, Record(row["server_version"], orjson.loads(row["server_state"]), stamps, is_deleted), found)


def replay(case: Case, kind: EntityType, policy: Policy) -> dict[str, FieldConflict]:
    """How each colliding field would have been settled; winner `none` leaves it to a person."""
    return {name: _replayed(name, found, case, kind, policy) for name, found in case.found.items()}


def differs(case: Case, fields: Mapping[str, FieldConflict]) -> bool:
    """Whether the settled fields would have ended otherwise than they did."""
    return any(not same(field.value, case.found[name]["value"]) for name, field in fields.items())


def _replayed(name: str, found: Mapping[str, Json], case: Case, kind: EntityType, policy: Policy) -> FieldConflict:
    base, client, server = found["base"], found["client"], found["server"]
    if name == DELETED:
        return resolve.resolve_deletion(case.change, case.record, list(case.record.stamps), base, policy)
    if found["rule"] == "transition":  # no policy takes a status where it must not go
        return FieldConflict(base, client, server, "transition", "none", server)
    told = resolve.resolve(name, case.change, case.record, base, kind, policy)
    if name == kind.status_field and kind.forbids(server, told.value) is not None:
        return FieldConflict(base, client, server, "transition", "none", server)
    return told


def _stamps(found: Mapping[str, Any], rivals: list[dict[str, Any]], row: Mapping[str, Any]) -> dict[str, Stamp]:
    """Who had written each disputed field last: of the edits that it collided with, the latest that touched it."""
    in_order = sorted(rivals, key=lambda rival: rival["version"] or 0)
    stamps: dict[str, Stamp] = {}
    for name in found:
        touching = [rival for rival in in_order if name in (rival["fields"] or ())] or in_order
        if touching:
            last = touching[-1]
            stamps[name] = {"device": last["device"] or "", "edited_at": last["edited_at"]}
        else:
            stamps[name] = {"device": "", "edited_at": clock.text(row["created_at"])}
    return stamps
