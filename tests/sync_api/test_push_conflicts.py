"""Stale changes over HTTP: merged where nobody collides, settled by policy where somebody does, never lost."""

import json
from typing import Any

import pytest

from tests.sync_api.running import Tenant, change, now

Sql = "asyncpg.Connection[asyncpg.Record]"


async def collide(tenant: Tenant, *, ann_at: str | None = None, ben_at: str | None = None) -> dict[str, Any]:
    """Ann and Ben both edit version 1 of a record; Ann's arrives first. Ben's verdict."""
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "base", "notes": "n", "size": 1})
    await ann.one(server_id="r", client_version=1, data={"title": "Ann's"}, edited_at=ann_at or now(seconds=-2))
    return await ben.one(
        server_id="r", client_version=1, data={"title": "Ben's", "size": 2}, edited_at=ben_at or now(seconds=-1)
    )


async def stored(sql: Any, tenant: Tenant, table: str) -> Any:
    (row,) = await sql.fetch(f"SELECT * FROM sync.{table} WHERE tenant_id = $1", tenant.name)
    return row


async def test_stale_without_collision_merges_and_returns_the_final_row(tenant: Tenant) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "A", "notes": "n"})
    await ann.one(server_id="r", client_version=1, data={"title": "B"})
    merged = await ben.one(server_id="r", client_version=1, data={"notes": "m"})
    assert (merged["status"], merged["new_version"]) == ("merged", 3)
    assert merged["record"]["data"] == {"title": "B", "notes": "m"}
    assert "conflict_id" not in merged


async def test_the_same_value_from_both_sides_is_no_collision(tenant: Tenant) -> None:
    await tenant.policy("manual")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "A"})
    await ann.one(server_id="r", client_version=1, data={"title": "B"})
    assert (await ben.one(server_id="r", client_version=1, data={"title": "B"}))["status"] == "unchanged"


async def test_another_device_of_the_same_person_is_somebody_else(tenant: Tenant) -> None:
    await tenant.policy("manual")
    phone, laptop = tenant.device("ann", "phone"), tenant.device("ann", "laptop")
    await phone.one(op="create", server_id="r", data={"title": "A"})
    await phone.one(server_id="r", client_version=1, data={"title": "B"})
    assert (await phone.one(server_id="r", client_version=1, data={"title": "C"}))["status"] == "merged"
    assert (await laptop.one(server_id="r", client_version=1, data={"title": "D"}))["list"] == "conflicts"


@pytest.mark.parametrize(
    ("policy", "title", "winner"), [("client_wins", "Ben's", "client"), ("server_wins", "Ann's", "server")]
)
async def test_one_side_wins_and_the_loser_is_kept(
    tenant: Tenant, sql: Any, policy: str, title: str, winner: str
) -> None:
    await tenant.policy(policy)
    told = await collide(tenant)
    assert (told["list"], told["status"], told["new_version"]) == ("applied", "merged", 3)
    assert told["record"]["data"] == {"title": title, "notes": "n", "size": 2}
    conflict = await stored(sql, tenant, "conflict_resolution")
    assert str(conflict["conflict_id"]) == told["conflict_id"]
    assert (conflict["status"], conflict["detection"], conflict["resolution_strategy"]) == (
        "resolved",
        "version",
        policy,
    )
    assert (conflict["reason"], conflict["severity"], conflict["policy_version"]) == ("stale_version", "medium", 1)
    field = json.loads(conflict["field_conflicts"])["title"]
    assert field == {
        "base": "base", "client": "Ben's", "server": "Ann's", "rule": policy, "winner": winner, "value": title,
    }  # fmt: skip
    (rival,) = json.loads(conflict["conflicted_with"])
    assert rival["user"] == "ann"
    audit = await stored(sql, tenant, "conflict_resolution_log")
    losing = {"client": "Ann's", "server": "Ben's"}[winner]
    assert json.loads(audit["fields"])["title"]["losing_value"] == losing
    event = await sql.fetchrow(
        "SELECT * FROM sync.sync_log WHERE tenant_id = $1 AND id = $2", tenant.name, conflict["event_id"]
    )
    assert (event["is_conflicted"], event["outcome"], event["seq"]) == (True, "merged", conflict["changed_seq"])
    assert (await stored(sql, tenant, "record"))["conflict_count"] == 1


async def test_server_wins_on_everything_makes_no_new_version(tenant: Tenant, sql: Any) -> None:
    await tenant.policy("server_wins")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "A"})
    await ann.one(server_id="r", client_version=1, data={"title": "B"})
    told = await ben.one(server_id="r", client_version=1, data={"title": "C"})
    assert (told["status"], told["new_version"], told["record"]["data"]) == ("merged", 2, {"title": "B"})
    record = await stored(sql, tenant, "record")
    assert (record["version"], record["seq"], record["event_count"]) == (2, 2, 3)


@pytest.mark.parametrize(("ann_at", "ben_at", "title"), [(-60, -30, "Ben's"), (-30, -60, "Ann's")])
async def test_the_later_edit_wins_whatever_arrived_first(tenant: Tenant, ann_at: int, ben_at: int, title: str) -> None:
    told = await collide(tenant, ann_at=now(minutes=ann_at), ben_at=now(minutes=ben_at))
    assert told["record"]["data"]["title"] == title


async def test_a_clock_that_runs_years_ahead_wins_nothing(tenant: Tenant) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "base"})
    await ann.one(server_id="r", client_version=1, data={"title": "Ann's"}, edited_at=now(minutes=-5))
    ahead = {"server_id": "r", "client_version": 1, "data": {"title": "Ben's"}, "edited_at": now(days=3650, hours=-1)}
    answer = await ben.push(change(**ahead), client_time=now(days=3650))  # edited an hour ago, by its own clock
    assert answer["applied"][0]["record"]["data"]["title"] == "Ann's"


async def test_manual_applies_nothing_and_blocks_what_shares_a_field(tenant: Tenant, sql: Any) -> None:
    await tenant.policy("manual")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "base", "notes": "n"})
    await ann.one(server_id="r", client_version=1, data={"title": "Ann's"})
    answer = await ben.push(
        change(server_id="r", client_version=1, data={"title": "Ben's", "size": 2}, base={"title": "as Ben saw it"}),
        change(server_id="r", client_version=1, data={"size": 3}),
        change(server_id="r", client_version=1, data={"notes": "m"}),
    )
    (open_,) = answer["conflicts"]
    assert (open_["reason"], open_["client_version"], open_["server_version"]) == ("stale_version", 1, 2)
    assert open_["fields"] == {
        "title": {"base": "as Ben saw it", "client": "Ben's", "server": "Ann's", "merge_hint": "last_write_wins"}
    }
    assert open_["server_state"] == {"title": "Ann's", "notes": "n"}
    (blocked,) = answer["rejected"]
    assert (blocked["reason"], blocked["retryable"]) == ("blocked", True)
    (merged,) = answer["applied"]
    assert (merged["status"], merged["new_version"]) == ("merged", 3)
    assert merged["record"]["data"] == {"title": "Ann's", "notes": "m"}
    (conflict,) = await sql.fetch(
        "SELECT * FROM sync.conflict_resolution WHERE tenant_id = $1 AND detection = 'version'", tenant.name
    )
    assert (conflict["status"], conflict["is_auto_resolved"]) == ("open", False)
    assert json.loads(conflict["client_state"]) == {"title": "Ben's", "size": 2}
    outcomes = await sql.fetch("SELECT outcome FROM sync.sync_log WHERE tenant_id = $1 ORDER BY seq", tenant.name)
    assert [row["outcome"] for row in outcomes] == ["applied", "applied", "conflict", "merged"]
    assert (await stored(sql, tenant, "record"))["event_count"] == 4


async def test_an_open_conflict_is_answered_the_same_again(tenant: Tenant) -> None:
    await tenant.policy("manual")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "base"})
    await ann.one(server_id="r", client_version=1, data={"title": "Ann's"})
    disputed = change(server_id="r", client_version=1, data={"title": "Ben's"})
    first, second = await ben.push(disputed), await ben.push(disputed)
    assert second["conflicts"] == [{**first["conflicts"][0], "replayed": True}]


async def test_shadow_applies_what_the_client_sent_and_notes_what_would_have_been(tenant: Tenant, sql: Any) -> None:
    await tenant.policy("server_wins", mode="shadow")
    told = await collide(tenant)
    assert told["record"]["data"]["title"] == "Ben's"
    conflict = await stored(sql, tenant, "conflict_resolution")
    assert (conflict["is_shadow"], json.loads(conflict["field_conflicts"])["title"]["winner"]) == (True, "server")


async def test_without_auto_resolve_every_collision_waits(tenant: Tenant) -> None:
    await tenant.policy("client_wins", auto_resolve=False)
    assert (await collide(tenant))["list"] == "conflicts"


async def test_a_tenants_field_rule_stands_above_its_policy(tenant: Tenant) -> None:
    await tenant.policy("manual", field_rules={"title": "max"})
    assert (await collide(tenant))["record"]["data"]["title"] == "Ben's"


async def test_lists_merge_by_rule_with_the_base_from_history(tenant: Tenant) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"tags": ["a", "b"]})
    await ann.one(server_id="r", client_version=1, data={"tags": ["b", "c"]})
    told = await ben.one(server_id="r", client_version=1, data={"tags": ["a", "d"]})  # removes b, adds d
    assert told["record"]["data"]["tags"] == ["c", "d"]


async def test_no_version_at_all_is_settled_as_if_everything_were_new(tenant: Tenant) -> None:
    await tenant.policy("manual")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "A"})
    assert (await ben.one(server_id="r", data={"title": "B"}))["reason"] == "missing_client_version"


@pytest.mark.parametrize(
    ("policy", "verdict", "is_deleted"),
    [("client_wins", "merged", False), ("server_wins", "merged", True), ("manual", "conflict", True)],
)
async def test_an_update_of_what_another_deleted(
    tenant: Tenant, sql: Any, policy: str, verdict: str, is_deleted: bool
) -> None:
    await tenant.policy(policy)
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "A", "notes": "n"})
    await ann.one(op="delete", server_id="r", client_version=1)
    told = await ben.one(server_id="r", client_version=1, data={"title": "B"})
    assert told["reason"] == "deleted"
    assert told.get("status", "conflict") == verdict
    assert ((await stored(sql, tenant, "record"))["deleted_at"] is not None) is is_deleted
    conflict = await stored(sql, tenant, "conflict_resolution")
    assert (conflict["severity"], conflict["reason"]) == ("critical", "deleted")


@pytest.mark.parametrize(("policy", "is_deleted"), [("client_wins", True), ("server_wins", False)])
async def test_a_delete_of_what_another_updated(tenant: Tenant, sql: Any, policy: str, is_deleted: bool) -> None:
    await tenant.policy(policy)
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "A"})
    await ann.one(server_id="r", client_version=1, data={"title": "B"})
    told = await ben.one(op="delete", server_id="r", client_version=1)
    assert (told["status"], told["record"]["deleted"]) == ("merged", is_deleted)
    assert (await stored(sql, tenant, "conflict_resolution"))["severity"] == "critical"


async def test_a_record_made_anew_counts_on_and_starts_empty(tenant: Tenant, sql: Any) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", server_id="r", data={"title": "A", "notes": "n"})
    await ann.one(op="delete", server_id="r", client_version=1)
    told = await ann.one(op="create", server_id="r", client_version=2, data={"title": "B"})
    assert (told["status"], told["new_version"]) == ("applied", 3)
    record = await stored(sql, tenant, "record")
    assert (json.loads(record["data"]), record["deleted_at"]) == ({"title": "B"}, None)


async def test_a_near_miss_is_noted_and_stops_nothing(tenant: Tenant, sql: Any) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "A"}, edited_at=now(seconds=-60))
    told = await ben.one(server_id="r", client_version=1, data={"title": "B"})
    assert (told["status"], told["new_version"]) == ("applied", 2)
    near = await stored(sql, tenant, "conflict_resolution")
    assert (near["detection"], near["severity"], near["status"]) == ("window", "low", "resolved")
    event = await sql.fetchrow("SELECT * FROM sync.sync_log WHERE tenant_id = $1 AND seq = 2", tenant.name)
    assert event["is_conflicted"] is False


async def test_a_status_goes_only_where_its_type_lets_it(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", entity="isolation_point", server_id="i", data={"status": "assigned"})
    wrong = await ann.one(
        op="update_status", entity="isolation_point", server_id="i", client_version=1, data={"status": "verified"}
    )
    assert (wrong["list"], wrong["reason"]) == ("rejected", "invalid_transition")
    assert wrong["detail"] == {"field": "status", "from": "assigned", "to": "verified", "allowed": ["isolated"]}


async def test_a_stale_status_that_no_longer_fits_waits_for_a_person(tenant: Tenant) -> None:
    await tenant.policy("client_wins", "isolation_point")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", entity="isolation_point", server_id="i", data={"status": "isolated"})
    await ann.one(op="update_status", entity="isolation_point", server_id="i", client_version=1,
                  data={"status": "assigned"})  # fmt: skip
    told = await ben.one(op="update_status", entity="isolation_point", server_id="i", client_version=1,
                         data={"status": "verified"})  # fmt: skip
    assert (told["list"], told["reason"], told["severity"]) == ("conflicts", "invalid_transition", "critical")


async def test_a_permit_becomes_active_only_with_its_points_verified_and_its_gas_tested(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.push(
        change("create", "isolation_point", server_id="i", data={"status": "isolated"}),
        change("create", "permit", server_id="p",
               data={"status": "approved", "isolation_point_ids": ["i"], "gas_reading_ids": ["g"]}),
    )  # fmt: skip
    activate = {"op": "update_status", "entity": "permit", "server_id": "p", "client_version": 1,
                "data": {"status": "active"}}  # fmt: skip
    assert (await ann.one(**activate))["detail"]["needs"] == "isolation_point_ids"
    await ann.one(op="update_status", entity="isolation_point", server_id="i", client_version=1,
                  data={"status": "verified"})  # fmt: skip
    assert (await ann.one(**activate))["detail"]["needs"] == "gas_reading_ids"
    answer = await ann.push(
        change("append", "gas_reading", server_id="g", data={"oxygen_pct": 20.9}), change(**activate)
    )
    assert [item["status"] for item in answer["applied"]] == ["applied", "applied"]


async def test_what_is_append_only_never_changes(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.one(op="append", entity="signature", server_id="s", data={"signed_by": "ann"})
    changed = await ann.one(entity="signature", server_id="s", client_version=1, data={"signed_by": "ben"})
    assert changed["reason"] == "not_permitted"
    gone = await ann.one(op="delete", entity="signature", server_id="s", client_version=1)
    assert gone["reason"] == "not_permitted"
    again = await ann.one(op="append", entity="signature", server_id="s", data={"signed_by": "ann"})
    assert again["status"] == "unchanged"
