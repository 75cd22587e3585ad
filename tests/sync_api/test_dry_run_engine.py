"""A conflict of the past under another policy: the same resolution as a push, over what was stored."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_api.engine.entity_types import EntityType, Field, Policy
from sync_api.policies import dry_run

T = datetime(2026, 9, 1, 12, tzinfo=UTC)
KIND = EntityType(
    "thing", Policy("manual"), {"done": Field("boolean", "true_wins")}, status_field="status",
    transitions={"open": ("closed",), "closed": ()},
)  # fmt: skip


def row(found: dict[str, Any], *, mine_at: int = 5, theirs_at: int = 3, **rest: Any) -> dict[str, Any]:
    rivals = [
        {"version": 2, "fields": list(found), "device": "d2", "edited_at": T.replace(minute=theirs_at).isoformat()}
    ]
    return {
        "operation": "update",
        "user_id": "ben",
        "device_id": "d1",
        "client_version": 1,
        "server_version": 2,
        "edited_at": T.replace(minute=mine_at),
        "created_at": T,
        "field_conflicts": json.dumps(found),
        "client_state": json.dumps({name: field["client"] for name, field in found.items()}),
        "server_state": json.dumps({name: field["server"] for name, field in found.items()}),
        "rivals": json.dumps(rivals),
    } | rest


def dispute(client: Any, server: Any, rule: str = "manual") -> dict[str, Any]:
    return {"base": None, "client": client, "server": server, "rule": rule, "winner": "none", "value": server}


def winner(stored: dict[str, Any], strategy: str, name: str = "title", **rules: str) -> str:
    return dry_run.replay(dry_run.case(stored), KIND, Policy(strategy, rules))[name].winner


@pytest.mark.parametrize(
    ("strategy", "mine_at", "expected"),
    [
        ("client_wins", 1, "client"),
        ("server_wins", 9, "server"),
        ("most_recent_wins", 9, "client"),
        ("most_recent_wins", 1, "server"),
        ("manual", 9, "none"),
        ("field_merge", 9, "none"),
    ],
)
def test_a_policy_settles_by_the_times_of_both_edits(strategy: str, mine_at: int, expected: str) -> None:
    assert winner(row({"title": dispute("a", "b")}, mine_at=mine_at), strategy) == expected


def test_rules_of_the_type_and_of_the_policy_stand_above_it() -> None:
    assert winner(row({"done": dispute(False, True)}), "client_wins", "done") == "server"
    assert winner(row({"title": dispute("a", "b")}), "manual", title="max") == "server"


def test_no_policy_takes_a_status_where_it_must_not_go() -> None:
    assert winner(row({"status": dispute("open", "closed")}), "client_wins", "status") == "none"
    assert winner(row({"status": dispute("closed", "open")}), "client_wins", "status") == "client"
    assert winner(row({"status": dispute("closed", "open", "transition")}), "client_wins", "status") == "none"


def test_a_delete_is_settled_by_the_policy_alone() -> None:
    stored = row({"_deleted": dispute(True, False)}, operation="delete")
    assert [winner(stored, strategy, "_deleted") for strategy in ("client_wins", "most_recent_wins", "manual")] == [
        "client", "client", "none",
    ]  # fmt: skip


def test_where_the_log_is_gone_the_conflict_itself_tells() -> None:
    assert winner(row({"title": dispute("a", "b")}, rivals=None, mine_at=9), "most_recent_wins") == "client"


def test_of_several_edits_that_it_collided_with_the_last_one_counts() -> None:
    def rival(version: int, minute: int, *fields: str) -> dict[str, Any]:
        at = T.replace(minute=minute).isoformat()
        return {"version": version, "fields": fields, "device": "d2", "edited_at": at}

    stored = row({"title": dispute("a", "b")}, mine_at=5)
    told = [rival(4, 9, "notes"), rival(3, 8, "title"), rival(2, 1, "title")]
    assert winner(stored | {"rivals": json.dumps(told)}, "most_recent_wins") == "server"
    told[1]["edited_at"] = T.replace(minute=2).isoformat()
    assert winner(stored | {"rivals": json.dumps(told)}, "most_recent_wins") == "client"
