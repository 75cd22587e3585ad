"""What a check says of a whole queue: chains, guards, types, repeats, projects, and what it cannot know."""

from typing import Any

import pytest

from foresync.client.checking import asked
from foresync.client.hashing import sha256
from tests.sync_api.checking import agreed, ask, one, post
from tests.sync_api.running import Tenant, change, verdict

POINT = {"entity": "isolation_point", "server_id": "i"}


def said(told: list[dict[str, Any]]) -> list[Any]:
    return [item["verdict"] if item["reason"] is None else (item["verdict"], item["reason"]) for item in told]


async def test_a_queue_is_judged_as_a_chain(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    told = await agreed(
        ann,
        change("create", offline_id="new", data={"title": "A", "tags": ["x"]}),
        change(server_id="new", data={"title": "A"}),
        change(server_id="new", data={"title": "B", "tags": ["x"]}),
        change("delete", server_id="new"),
        change(server_id="new", data={"title": "A"}),
        change("create", entity="nonsense", data={"title": "A"}),
        change(server_id="elsewhere", client_version=7, data={"title": "A"}),
        change("append", entity="signature", server_id="s", data={"signed_by": "ann"}),
        change("append", entity="signature", server_id="s", data={"signed_by": "ann"}),
        change(entity="signature", server_id="s", client_version=1, data={"signed_by": "ben"}),
        change("append", entity="signature", server_id="s", data={"signed_by": "ben"}),
    )
    assert all(item["exact"] for item in told)
    assert said(told) == [
        "applied", "unchanged", "applied", "applied", "applied", ("rejected", "unknown_entity"),
        ("rejected", "resync_required"), "applied", "unchanged", ("rejected", "not_permitted"),
        ("rejected", "blocked"),
    ]  # fmt: skip
    assert len({item["server_id"] for item in told[:5]}) == 1


async def test_what_waits_for_a_refused_change_is_told_so(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", **POINT, data={"status": "assigned"})
    told = await agreed(
        ann,
        change(**POINT, client_version=1, data={"status": "verified", "notes": "ok"}),
        change(**POINT, client_version=1, data={"notes": "by me"}),
        change(**POINT, client_version=1, data={"label": "valve"}),
        change("delete", **POINT, client_version=1),
    )
    assert said(told) == [
        ("rejected", "invalid_transition"), ("rejected", "blocked"), "applied", ("rejected", "blocked"),
    ]  # fmt: skip
    assert all(item["exact"] for item in told)
    assert told[0]["detail"] == {"field": "status", "from": "assigned", "to": "verified", "allowed": ["isolated"]}


async def test_a_status_that_nobody_declared_is_refused_unseen(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", **POINT, data={"status": "assigned"})
    (told,) = await agreed(ann, change(**POINT, client_version=1, data={"status": "exploded"}))
    assert (told["verdict"], told["reason"], told["exact"]) == ("rejected", "validation_error", True)


async def test_a_guard_is_asked_where_its_records_can_be_told(tenant: Tenant) -> None:
    """The permit's points are the server's own list, the status is a declared one: hashes say both."""
    ann = tenant.device("ann")
    await ann.one(op="create", **POINT, data={"status": "isolated"})
    await ann.one(op="append", entity="gas_reading", server_id="g", data={"oxygen_pct": 20.9})
    permit = {"entity": "permit", "server_id": "p", "client_version": 1}
    listed = {"isolation_point_ids": ["i"], "gas_reading_ids": ["g"]}
    await ann.one(op="create", entity="permit", server_id="p", data={"status": "approved", **listed})
    early = change("update_status", **permit, data={"status": "active", **listed})
    (refused,) = await agreed(ann, early)
    assert (refused["reason"], refused["detail"]["needs"], refused["exact"]) == (
        "invalid_transition", "isolation_point_ids", True,
    )  # fmt: skip
    told = await agreed(
        ann,
        change("update_status", **POINT, client_version=1, data={"status": "verified"}),
        change("update_status", **permit, data={"status": "active", **listed}),
    )
    assert said(told) == ["applied", "applied"]
    assert all(item["exact"] for item in told)


async def test_a_guard_on_an_unknown_list_is_left_open(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", entity="permit", server_id="p", data={"status": "approved"})
    mine = change(
        "update_status", entity="permit", server_id="p", client_version=1,
        data={"status": "active", "isolation_point_ids": ["i"]},
    )  # fmt: skip
    told = await one(ann, mine)
    assert (told["verdict"], told["exact"], told["depends_on_value"]) == ("applied", False, ["isolation_point_ids"])
    assert told["otherwise"] == [{"verdict": "rejected", "reason": "invalid_transition"}]
    (told,) = await agreed(ann, mine, reveal=["isolation_point_ids"])
    assert (told["verdict"], told["reason"], told["exact"]) == ("rejected", "invalid_transition", True)


async def test_a_hash_may_stand_for_what_the_queue_itself_creates(tenant: Tenant) -> None:
    """A reference by offline_id is found by its hash; of a list that may hold one, nothing is known but what it is."""
    ann, ben = tenant.device("ann"), tenant.device("ben")
    asset = change("create", entity="asset", data={"name": "pump"})
    (made,) = (await ann.push(asset))["applied"]
    order = {"entity": "work_order", "server_id": "w"}
    await ann.one(op="create", **order, data={"asset_id": made["server_id"]})
    told = await agreed(ann, asset, change(**order, client_version=1, data={"asset_id": asset["offline_id"]}))
    assert said(told)[1] == "unchanged"
    point = change("create", entity="isolation_point", data={"status": "assigned"})
    await ann.one(op="create", entity="permit", server_id="p", data={"isolation_point_ids": ["i"]})
    listing = {"isolation_point_ids": [point["offline_id"]]}
    queue = [
        point,
        change("create", entity="permit", data=listing),
        change(entity="permit", server_id="p", client_version=1, data=listing),
    ]
    told = await agreed(ben, *queue)
    assert [(item["verdict"], item["exact"]) for item in told] == [("applied", True), ("applied", True), (None, False)]
    assert told[2]["depends_on_value"] == ["isolation_point_ids"]


async def test_a_list_that_names_what_the_queue_creates_is_the_final_one(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    point = change("create", entity="isolation_point", data={"status": "assigned"})
    (made,) = (await ann.push(point))["applied"]
    await ann.one(op="create", entity="permit", server_id="p", data={"isolation_point_ids": [made["server_id"]]})
    mine = change(entity="permit", server_id="p", client_version=1, data={"isolation_point_ids": [point["offline_id"]]})
    told = await agreed(ann, point, mine, reveal=["isolation_point_ids"])
    assert (told[1]["verdict"], told[1]["exact"]) == ("unchanged", True)


async def test_a_type_that_is_not_told_is_taken_to_be_right(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    queue = [
        change("create", server_id="r", data={"title": "A", "progress": 3, "is_done": True}),
        change(server_id="r", data={"assignee": "B", "undeclared": 5}),
    ]
    bare = [{name: value for name, value in asked(one).items() if name != "types"} for one in queue]
    first, second = (await post(ann, *bare)).json()["changes"]
    assert (first["verdict"], first["exact"], first["depends_on_value"]) == ("applied", False, ["title", "progress"])
    assert first["otherwise"] == [{"verdict": "rejected", "reason": "validation_error"}]
    assert (second["depends_on_value"], second["depends_on_changes"]) == (["assignee"], [first["offline_id"]])
    assert all(item["exact"] for item in await agreed(ann, *queue))


async def test_what_rests_on_a_guess_is_no_surer_than_the_guess(tenant: Tenant) -> None:
    """Nothing is said of types, and they are wrong: what the check could not know, it must not have promised."""
    ann = tenant.device("ann")
    await ann.one(op="create", **POINT, data={"status": "isolated"})
    await ann.one(op="append", entity="gas_reading", server_id="g", data={"oxygen_pct": 20.9})
    listed = {"isolation_point_ids": ["i"], "gas_reading_ids": ["g"]}
    await ann.one(op="create", entity="permit", server_id="p", data={"status": "approved", **listed})
    queue = [
        change("create", server_id="r", data={"title": 5, "undeclared": 1}),
        change(server_id="r", data={"undeclared": 1}),
        change(**POINT, client_version=1, data={"status": "verified", "notes": 5}),
        change("update_status", entity="permit", server_id="p", client_version=1, data={"status": "active"}),
    ]
    told = await agreed(ann, *queue, types=False)
    assert [item["exact"] for item in told] == [False] * 4
    assert said(told) == ["applied", "unchanged", "applied", "applied"]
    assert [item["depends_on_changes"] for item in told] == [
        [], [queue[0]["offline_id"]], [], [queue[2]["offline_id"]],
    ]  # fmt: skip


async def test_a_delete_meets_what_another_wrote_whoever_won_before_it(tenant: Tenant) -> None:
    await tenant.policy("manual", field_rules={"progress": "max"})
    ann, ben = tenant.device("ann"), tenant.device("ben")
    for server_id, ours in (("lost", 3), ("won", 7)):
        await ann.one(op="create", server_id=server_id, data={"progress": 1})
        await ann.one(server_id=server_id, client_version=1, data={"progress": 5})
        known = {"server_id": server_id, "client_version": 1}
        queue = [change(**known, data={"progress": ours}), change("delete", **known)]
        told = (await ask(ben, *queue))["changes"]
        assert [(item["exact"], item["depends_on_changes"]) for item in told] == [
            (False, []), (True, []),
        ]  # fmt: skip
        told = await agreed(ben, *queue, reveal=["progress"])
        assert [item["exact"] for item in told] == [True, True]
        assert told[1]["verdict"] == "conflict"


@pytest.mark.parametrize(
    ("field", "value", "verdict"),
    [
        ("title", "A", "applied"), ("title", 5, "rejected"), ("title", ["A"], "rejected"), ("title", None, "applied"),
        ("is_done", False, "applied"), ("is_done", "no", "rejected"), ("is_done", 0, "rejected"),
        ("progress", 0.5, "applied"), ("progress", 1, "applied"), ("progress", "1", "rejected"),
        ("due_at", "2026-01-01T00:00:00Z", "applied"), ("due_at", "tomorrow", "rejected"), ("due_at", "", "rejected"),
        ("tags", [], "applied"), ("tags", {}, "rejected"), ("tags", {"a": 1}, "rejected"),
        ("undeclared", {"a": [1, 2.5]}, "applied"), ("undeclared", 2**53 + 1, "applied"),
    ],
)  # fmt: skip
async def test_types_are_judged_by_what_the_client_says(tenant: Tenant, field: str, value: Any, verdict: str) -> None:
    told = await agreed(tenant.device("ann"), change("create", data={field: value}))
    if (field, value) != ("due_at", "tomorrow"):  # some text: only its value says whether it is a moment
        assert (told[0]["verdict"], told[0]["exact"]) == (verdict, True)


async def test_whole_numbers_and_fractions_are_told_apart_where_a_field_does(tenant: Tenant) -> None:
    body = {"policy": "client_wins", "fields": {"n": "integer"}}
    await tenant.http.put("/api/v1/entity-types/counter", headers=tenant.headers(), json=body)
    ann = tenant.device("ann")
    await ann.one(op="create", entity="counter", server_id="r", data={"n": 1})
    for value, wanted in ((1, "unchanged"), (1.0, "rejected"), (2, "applied"), (2.5, "rejected")):
        (told,) = await agreed(ann, change(entity="counter", server_id="r", client_version=1, data={"n": value}))
        assert (told["verdict"], told["exact"]) == (wanted, True)
    bare = {**change(entity="counter", server_id="r", client_version=2), "hashes": {"n": sha256(2)}}
    (told,) = (await post(ann, bare)).json()["changes"]
    assert (told["verdict"], told["depends_on_value"]) == ("unchanged", ["n"])


async def test_numbers_that_share_a_hash_are_not_taken_for_one(tenant: Tenant) -> None:
    ann = tenant.device("ann")
    await ann.one(op="create", server_id="r", data={"n": 2**53})
    bare = {**change(server_id="r", client_version=1), "hashes": {"n": sha256(2**53 + 1)}, "types": {"n": "integer"}}
    (told,) = (await post(ann, bare)).json()["changes"]
    assert (told["verdict"], told["exact"], told["depends_on_value"]) == (None, False, ["n"])


async def test_what_a_rule_makes_of_an_unknown_value_is_not_guessed(tenant: Tenant) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"tags": ["a"]})
    await ann.one(server_id="r", client_version=1, data={"tags": ["a", "b"]})
    queue = [
        change(server_id="r", client_version=1, data={"tags": ["a", "c"], "title": "mine"}),
        change(server_id="r", client_version=1, data={"title": "again"}),
        change(server_id="r", client_version=1, data={"tags": ["a"]}),
        change(server_id="r", client_version=1, data={"title": "never mind"}),
    ]
    told = (await ask(ben, *queue))["changes"]
    assert said(told) == [("merged", "stale_version"), "merged", None, None]
    assert [item["exact"] for item in told] == [False, True, False, False]
    assert [item["depends_on_value"] for item in told] == [["tags"], [], [], []]
    assert [item["depends_on_changes"] for item in told[2:]] == [
        [queue[0]["offline_id"]],
        [queue[2]["offline_id"]],
    ]
    (field,) = told[0]["fields"].values()
    assert (field["rule"], field["winner"], field["last_written"]["user"]) == ("set_merge", None, "ann")
    assert told[0]["severity"] is None
    told = await agreed(ben, *queue, reveal=["tags"])
    assert all(item["exact"] for item in told)
    assert (told[0]["fields"]["tags"]["winner"], told[0]["severity"]) == ("merged", "low")


async def test_a_base_is_known_by_its_hash(tenant: Tenant) -> None:
    """Whether "a" was removed is what decides who wins."""
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"tags": ["a"]})
    await ann.one(server_id="r", client_version=1, data={"tags": ["a", "b"]})
    mine = change(server_id="r", client_version=1, data={"tags": ["a", "c"]})
    for base, winner in ((["a"], "merged"), (["a", "b"], "client"), (["zzz"], None)):
        (told,) = (await post(ben, {**mine, "base_hashes": {"tags": sha256(base)}})).json()["changes"]
        assert (told["verdict"], told["fields"]["tags"]["winner"], told["exact"]) == (
            "merged",
            winner,
            winner is not None,
        )


async def test_a_change_that_was_answered_before_is_told_so(tenant: Tenant) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    made = change("create", server_id="r", data={"title": "A", "n": 1})
    edited = change(server_id="r", client_version=1, data={"title": "B"})
    refused = change(server_id="r", client_version=1, data={"title": 5})
    gone = change("delete", server_id="other")
    for sent in (made, edited, refused, gone):
        await ann.push(sent)
    told = (await ask(ann, made, edited, refused, gone, {**edited, "data": {"title": "C"}}))["changes"]
    assert said(told) == [
        "already_applied", "already_applied", ("rejected", "validation_error"), "already_applied", "already_applied",
    ]  # fmt: skip
    # the title has been overwritten since, what was refused was never kept, and of another title nothing is known
    assert [item["exact"] for item in told] == [False, False, False, True, False]
    assert all(item["replayed"] for item in told)
    (told,) = await agreed(ann, edited)
    assert (told["verdict"], told["exact"], told["otherwise"]) == ("already_applied", True, [])
    (told,) = await agreed(ann, {**edited, "data": {"title": "C"}})
    assert told["otherwise"] == [{"verdict": "rejected", "reason": "idempotency_mismatch"}]
    (told,) = await agreed(ann, {**edited, "data": {"title": "C"}}, reveal=["title"])
    assert (told["verdict"], told["reason"], told["exact"]) == ("rejected", "idempotency_mismatch", True)
    (told,) = await agreed(ben, edited)
    assert told["verdict"] == "unchanged"


async def test_an_open_conflict_is_told_again(tenant: Tenant) -> None:
    await tenant.policy("manual")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "A"})
    await ann.one(server_id="r", client_version=1, data={"title": "B"})
    mine = change(server_id="r", client_version=1, data={"title": "C"})
    (first,) = await agreed(ben, mine)
    assert (first["verdict"], first["fields"]["title"]["winner"], first["replayed"]) == ("conflict", "none", False)
    (again,) = await agreed(ben, mine)
    assert (again["verdict"], again["severity"], again["replayed"], again["exact"]) == (
        "conflict",
        "medium",
        True,
        True,
    )


async def test_the_same_change_twice_in_a_queue_is_one(tenant: Tenant) -> None:
    mine = change("create", data={"title": "A", "n": 1})
    told = (await ask(tenant.device("ann"), mine, mine, {**mine, "data": {"title": "B"}}))["changes"]
    assert said(told) == ["applied", "already_applied", ("rejected", "idempotency_mismatch")]


async def _grant(tenant: Tenant, project: str, user: str) -> None:
    answer = await tenant.http.put(f"/api/v1/projects/{project}/members/{user}", headers=tenant.headers())
    assert answer.status_code == 200, answer.text


async def test_projects_hold_also_where_they_are_named_by_a_hash(tenant: Tenant) -> None:
    ann, eve = tenant.device("ann"), tenant.device("eve")
    for project in ("p", "q"):
        await _grant(tenant, project, "ann")
    await _grant(tenant, "q", "eve")
    assert verdict(await ann.push(change("create", server_id="r", data={"title": "A", "project_id": "p"})))[
        "new_version"
    ]
    told = await agreed(ann, change(server_id="r", client_version=1, data={"title": "B", "project_id": "q"}))
    assert said(told) == ["applied"]
    await ann.push(change(server_id="r", client_version=2, data={"project_id": "p"}))
    told = await agreed(
        eve,
        change(server_id="r", client_version=1, data={"title": "A"}),
        change(server_id="r", client_version=1, data={"title": "B", "project_id": "q"}),
        change("create", server_id="mine", data={"project_id": "q"}),
        change("create", server_id="theirs", data={"project_id": "p"}),
        change("create", server_id="free", data={"project_id": ""}),
    )
    assert said(told) == [
        ("rejected", "not_permitted"), ("rejected", "blocked"), "applied", ("rejected", "not_permitted"), "applied",
    ]  # fmt: skip
    assert all(item["exact"] for item in told)
    # of a record that one may not see, nothing is told
    assert [(item["server_version"], item["fields"]) for item in told[:2]] == [(None, {}), (None, {})]


async def test_who_wrote_last_is_told_and_no_value(tenant: Tenant) -> None:
    await tenant.policy("manual")
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "before"})
    await ann.one(server_id="r", client_version=1, data={"title": "theirs"})
    answer = await ask(ben, change(server_id="r", client_version=1, data={"title": "ours"}))
    (told,) = answer["changes"]
    written = told["fields"]["title"]["last_written"]
    assert (written["user"], written["device"], written["version"]) == ("ann", "ann-phone", 2)
    assert (told["client_version"], told["server_version"], told["severity"]) == (1, 2, "medium")
    assert (answer["summary"]["conflict"], answer["summary"]["inexact"]) == (1, 0)
    assert not any(value in str(answer) for value in ("before", "theirs", "ours"))
    gone = await ask(ben, change("delete", server_id="r", client_version=1))
    assert gone["changes"][0]["fields"]["_deleted"]["last_written"]["version"] == 2
