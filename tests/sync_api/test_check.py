"""A check says what the push that follows is told: under every policy and rule, by hashes, and leaves no trace."""

from typing import Any

import pytest

from tests.sync_api.checking import checked, one, pushed
from tests.sync_api.running import Tenant, change, now

POLICIES = ["client_wins", "server_wins", "most_recent_wins", "preserve_escalation", "field_merge", "manual"]
THING = {
    "policy": "most_recent_wins",
    "fields": {
        "name": "string",
        "due_at": "datetime",
        "count": "integer",
        "note": {"type": "string", "rule": "last_write_wins"},
        "tags": {"type": "list", "rule": "set_merge"},
        "is_done": {"type": "boolean", "rule": "true_wins"},
        "stage": {"type": "string", "rule": "monotonic", "order": ["a", "b", "c"]},
        "most": {"type": "integer", "rule": "max"},
        "least": {"type": "number", "rule": "min"},
        "sealed": {"type": "string", "rule": "manual", "safety": True},
        "level": "string",
    },
    "escalation": {"field": "level", "order": ["low", "high", "urgent"], "from": "urgent"},
}


async def declare(tenant: Tenant) -> None:
    answer = await tenant.http.put("/api/v1/entity-types/thing", headers=tenant.headers(), json=THING)
    assert answer.status_code == 200, answer.text


# field, the value that both knew, the other's, one's own; whether hashes are enough for everything that is told
FIELDS: list[tuple[str, Any, Any, Any, bool]] = [
    ("name", "x", "y", "z", True),
    ("name", "x", "y", "y", True),
    ("name", "x", "y", None, True),
    ("note", "x", "y", "z", True),
    ("due_at", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", True),
    ("tags", ["p"], ["p", "q"], ["p", "r"], False),
    ("is_done", False, None, True, True),
    ("stage", "a", "b", "c", True),
    ("stage", "a", "c", "b", True),
    ("stage", "a", "b", "unheard of", True),
    ("most", 1, 5, 3, False),
    ("most", 1, None, 3, True),
    ("least", 1.5, 0.5, 3, False),
    ("count", 1, 2, 2, True),
    ("count", 1, 2, 2.0, True),
    ("sealed", "x", "y", "z", True),
    ("level", "low", "high", "urgent", True),
    ("level", "low", "urgent", "odd", True),
    ("undeclared", [1], {"n": 2}, {"n": 2.0}, True),
    ("undeclared", [1], {"n": 2}, [3], True),
]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("rest", [{}, {"auto_resolve": False}, {"mode": "shadow"}], ids=["", "by-hand", "shadow"])
async def test_a_stale_change_is_told_what_its_push_is_told(tenant: Tenant, policy: str, rest: Any) -> None:
    await declare(tenant)
    await tenant.policy(policy, "thing", **rest)
    ann, ben = tenant.device("ann"), tenant.device("ben")
    for n, (name, before, theirs, ours, is_enough) in enumerate(FIELDS):
        await ann.one(op="create", entity="thing", server_id=f"r{n}", data={name: before})
        await ann.one(entity="thing", server_id=f"r{n}", client_version=1, data={name: theirs})
        mine = change(
            entity="thing", server_id=f"r{n}", client_version=1, data={name: ours}, edited_at=now(days=-n % 2)
        )
        hashed, shown = await one(ben, mine), await one(ben, mine, reveal=[name])
        told = pushed(await ben.push(mine))
        assert (checked(hashed), checked(shown)) == (told, told), (name, ours)
        assert shown["exact"]
        is_settled_by_rule = rest.get("auto_resolve") is not False
        if hashed["exact"]:
            assert hashed == shown | {"offline_id": mine["offline_id"]}
        else:
            assert not is_enough and is_settled_by_rule and hashed["depends_on_value"] == [name]
            assert hashed["fields"][name]["winner"] is None
