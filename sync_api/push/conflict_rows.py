"""A conflict as it is kept (with its audit) and as it is told. No decision is made here."""

from typing import Any

from sync_api import ids
from sync_api.engine import resolve
from sync_api.engine.detect import others_write
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.membership import project_of
from sync_api.engine.values import DELETED, Conflict, Decision, FieldConflict, Json, Stamp
from sync_api.push.prepare import Named, Sender
from sync_api.push.rows import Writes
from sync_api.push.working import Working

Before = tuple[dict[str, Json], dict[str, Stamp]]  # the record's data and stamps before the change


def add(
    writes: Writes,
    tenant: str,
    sender: Sender,
    named: Named,
    decision: Decision,
    policy: Policy,
    event_id: str,
    ord_: int,
    server_version: int,
    before: Before,
) -> str | None:
    """Add the rows of a decision's conflicts; answers the id of the one detected by version, if there is one."""
    by_version = None
    for conflict in (decision.conflict, decision.window):
        if conflict is None:
            continue
        conflict_id = ids.uuid7()
        if conflict.detection == "version":
            by_version = conflict_id
        policy_version = policy.version if conflict.detection == "version" else None
        writes.conflicts.append(
            {
                "tenant_id": tenant,
                "conflict_id": conflict_id,
                "event_received_at": sender.received_at,
                "event_id": event_id,
                "entity_type": named.sent.entity,
                "entity_id": named.entity_id,
                "project_id": project_of(before[0]),
                "user_id": sender.user,
                "device_id": sender.device,
                "conflicted_with": _rivals(conflict, before[1], named),
                "reason": conflict.reason,
                "detection": conflict.detection,
                "severity": conflict.severity,
                "resolution_strategy": conflict.strategy,
                "status": "open" if conflict.is_open else "resolved",
                "is_auto_resolved": not conflict.is_open,
                "is_shadow": conflict.is_shadow,
                "field_conflicts": resolve.as_json(conflict.fields),
                "client_state": dict(named.change.data),
                "server_state": before[0],
                "client_version": named.change.client_version,
                "server_version": server_version,
                "policy_version": policy_version,
                "user_notified": False,
                "created_at": sender.received_at,
                "resolved_at": None if conflict.is_open else sender.received_at,
                "resolved_by": None if conflict.is_open else "policy",
                "changed_seq": ord_,
            }
        )
        writes.decisions.append(_audit(tenant, sender, conflict_id, conflict, policy_version))
    return by_version


def as_told(
    decision: Decision,
    kind: EntityType,
    policy: Policy,
    named: Named,
    record: Working,
    conflict_id: str | None,
    server_version: int,
) -> dict[str, Any]:
    """An open conflict as the client is told of it."""
    assert decision.conflict is not None
    return {
        "conflict_id": conflict_id,
        "reason": decision.conflict.reason,
        "client_version": named.change.client_version,
        "server_version": server_version,
        "severity": decision.conflict.severity,
        "fields": {
            name: {
                "base": field.base,
                "client": field.client,
                "server": field.server,
                "merge_hint": resolve.hint(name, kind, policy, (field.client, field.server)),
            }
            for name, field in decision.conflict.fields.items()
        },
        "server_state": {**record.data, DELETED: True} if record.is_deleted else record.data,
    }


def _rivals(conflict: Conflict, stamps: dict[str, Stamp], named: Named) -> list[dict[str, Any]]:
    """The events that it collided with; a delete collides with every field that was written since."""
    names = list(conflict.fields)
    if DELETED in conflict.fields and named.change.op == "delete":
        known = named.change.client_version or 0
        names = [name for name, stamp in stamps.items() if stamp["version"] > known]
    found = {
        stamp["event_id"]: {
            "received_at": stamp["event_at"],
            "id": stamp["event_id"],
            "user": stamp["user"],
            "device": stamp["device"],
        }
        for stamp in (others_write(stamps[name], named.change) or stamps[name] for name in names if name in stamps)
    }
    return list(found.values())


def _audit(
    tenant: str, sender: Sender, conflict_id: str, conflict: Conflict, policy_version: int | None
) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "id": ids.uuid7(),
        "conflict_id": conflict_id,
        "decided_at": sender.received_at,
        "decided_by": sender.user if conflict.is_open else "policy",
        "decision": "opened" if conflict.is_open else "auto",
        "fields": {name: _loser(field) for name, field in conflict.fields.items()},
        "detail": {
            "strategy": conflict.strategy,
            "policy_version": policy_version,
            "detection": conflict.detection,
            "is_shadow": conflict.is_shadow,
        },
    }


def _loser(field: FieldConflict) -> dict[str, Any]:
    told: dict[str, Any] = {"rule": field.rule, "winner": field.winner, "value": field.value}
    match field.winner:
        case "client":
            return told | {"loser": "server", "losing_value": field.server}
        case "server":
            return told | {"loser": "client", "losing_value": field.client}
        case _:
            return told | {"loser": None, "losing_value": {"client": field.client, "server": field.server}}
