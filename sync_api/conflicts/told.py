"""A conflict as it is told: in a list, and whole with both sides as they stand now. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sync_api.conflicts.settle import Standing
from sync_api.engine import clock
from sync_api.engine.values import DELETED, Change, Op, Record


def change(row: Mapping[str, Any]) -> Change:
    """The change that waits, as it was sent."""
    found: dict[str, Any] = orjson.loads(row["field_conflicts"])
    op: Op = row["operation"] or "update"
    return Change(
        op=op,
        user=row["user_id"],
        device=row["device_id"],
        client_version=row["client_version"],
        edited_at=clock.text(row["edited_at"] or row["created_at"]),
        data=orjson.loads(row["client_state"]),
        base={name: field["base"] for name, field in found.items() if field.get("base") is not None},
    )


def record(row: Mapping[str, Any]) -> Record:
    """The record of a row of `store.RECORD`; version 0 when it never was."""
    if row["version"] is None:
        return Record()
    return Record(row["version"], orjson.loads(row["data"]), orjson.loads(row["stamps"]), row["is_deleted"])


def in_list(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a list shows of a conflict."""
    return {
        "conflict_id": str(row["conflict_id"]),
        "status": row["status"],
        "reason": row["reason"],
        "detection": row["detection"],
        "severity": row["severity"],
        "strategy": row["resolution_strategy"],
        "policy_version": row["policy_version"],
        "is_auto_resolved": row["is_auto_resolved"],
        "is_shadow": row["is_shadow"],
        "entity": row["entity_type"],
        "server_id": row["entity_id"],
        "user": row["user_id"],
        "device": row["device_id"],
        "sync_event_id": str(row["event_id"]),
        "client_version": row["client_version"],
        "detected_version": row["server_version"],
        "field_names": list(orjson.loads(row["field_conflicts"])),
        "created_at": clock.text(row["created_at"]),
        "resolved_at": clock.text(row["resolved_at"]) if row["resolved_at"] else None,
        "resolved_by": row["resolved_by"],
    }


def whole(
    row: Mapping[str, Any], now: Record, live: Mapping[str, Standing] | None, history: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Everything about a conflict. live: the disputed fields as they stand now, for one that is open; None tells the
    fields as they were when it was found and settled."""
    found: dict[str, dict[str, Any]] = orjson.loads(row["field_conflicts"])
    fields = _open(found, live) if live is not None else _closed(found)
    return in_list(row) | {
        "operation": row["operation"] or "update",
        "server_version": now.version,
        "field_names": list(fields),
        "fields": fields,
        "client_state": orjson.loads(row["client_state"]),
        "server_state": {**now.data, DELETED: True} if now.is_deleted else now.data,
        "detected_state": orjson.loads(row["server_state"]),
        "conflicted_with": orjson.loads(row["conflicted_with"]),
        "history": [
            {
                "decided_at": clock.text(entry["decided_at"]),
                "decided_by": entry["decided_by"],
                "decision": entry["decision"],
                "fields": entry["fields"],
                "detail": {key: value for key, value in entry["detail"].items() if key != "answer"},
            }
            for entry in history
        ],
    }


def _open(found: Mapping[str, Mapping[str, Any]], live: Mapping[str, Standing]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "base": field.base,
            "mine": field.mine,
            "theirs": field.theirs,
            "merge_hint": field.hint,
            "collides": field.collides,
            "rule": found[name]["rule"] if name in found else None,
            "winner": None,
            "value": None,
        }
        for name, field in live.items()
    }


def _closed(found: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "base": field["base"],
            "mine": field["client"],
            "theirs": field["server"],
            "merge_hint": None,
            "collides": False,
            "rule": field["rule"],
            "winner": field["winner"],
            "value": field["value"],
        }
        for name, field in found.items()
    }
