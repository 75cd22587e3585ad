"""Ids inside data: what a batch creates can be named in it before the server has given it an id."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_api import ids
from sync_api.engine.declarations import DeclarationError, check_known, parse
from sync_api.push.prepare import Named, Sender, meant, name
from sync_api.push.references import put_in
from sync_api.push.schemas import ChangeIn, Envelope, Malformed
from sync_api.rules import shipped
from tests.sync_api.running import Tenant, change

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SENDER = Sender("ann", "s", "s", NOW, Envelope("phone", NOW), 0, 0, 0.0)


def named(*changes: dict[str, Any] | Malformed) -> list[Named | Malformed]:
    sent = [one if isinstance(one, Malformed) else ChangeIn(**one) for one in changes]
    return [one if isinstance(one, Malformed) else name(SENDER, *one, ids.uuid7()) for one in meant("t", SENDER, sent)]


def final(*changes: dict[str, Any] | Malformed) -> list[Any]:
    done = put_in(named(*changes), shipped())
    return [one for one in done if isinstance(one, Named)]


def new(offline_id: str) -> str:
    """The id of a record that this change creates."""
    return ids.record_id("t", "ann", "phone", offline_id)


def point(offline_id: str = "p", **rest: Any) -> dict[str, Any]:
    return {"entity": "isolation_point", "op": "create", "offline_id": offline_id, "data": {}, **rest}


def permit(data: dict[str, Any], op: str = "create", **rest: Any) -> dict[str, Any]:
    return {"entity": "permit", "op": op, "offline_id": "permit", "data": data, **rest}


def test_one_id_and_those_in_a_list_are_put_in() -> None:
    closeout = {"entity": "closeout", "op": "append", "offline_id": "c", "server_id": "chosen"}
    _, _, told = final(
        point(), closeout, permit({"isolation_point_ids": ["old", "p"], "closeout_id": "c", "title": "p"})
    )
    assert told.change.data == {
        "isolation_point_ids": ["old", new("p")], "closeout_id": "chosen", "title": "p",
    }  # fmt: skip
    assert told.refers
    assert told.sent.data["closeout_id"] == "c"


def test_what_the_client_knew_is_put_in_too() -> None:
    *_, told = final(point(), permit({"title": "x"}, base={"isolation_point_ids": ["p"]}))
    assert told.change.base == {"isolation_point_ids": [new("p")]}
    assert not told.refers


@pytest.mark.parametrize(
    "before",
    [
        [],
        [point("another")],
        [point(entity="gas_reading")],
        [point(op="update", server_id="p")],
        [Malformed("isolation_point", "p", "nonsense")],
    ],
    ids=["nothing", "another name", "another type", "no creation", "malformed"],
)
def test_what_is_not_born_before_in_the_same_batch_stays_as_it_is(before: list[Any]) -> None:
    *_, told, _ = final(*before, permit({"isolation_point_ids": ["p"], "title": "x"}), point())
    assert told.change.data["isolation_point_ids"] == ["p"]
    assert not told.refers


def test_a_change_does_not_refer_to_itself_and_odd_values_are_left_to_their_types() -> None:
    first, *_ = final(permit({"closeout_id": "permit", "isolation_point_ids": {"a": 1}}), point())
    assert first.change.data == {"closeout_id": "permit", "isolation_point_ids": {"a": 1}}


def test_again_is_the_same_and_the_digest_is_of_what_was_sent() -> None:
    # the id of the first is the name of the second
    batch = named(point("a", server_id="b"), point("b", server_id="c"), permit({"isolation_point_ids": ["a"]}))
    digests = [one.sha256 for one in batch if isinstance(one, Named)]
    once = put_in(batch, shipped())
    assert isinstance(once[2], Named)
    assert once[2].change.data == {"isolation_point_ids": ["b"]}
    assert put_in(once, shipped()) == once
    assert put_in(once, {}) == batch
    assert [one.sha256 for one in once if isinstance(one, Named)] == digests


async def test_a_permit_is_prepared_and_activated_without_a_network(tenant: Tenant, sql: Any) -> None:
    """One batch: the guard of the permit's status is met by records that did not exist when it was written."""
    ann = tenant.device("ann")
    point = change("create", "isolation_point", data={"status": "verified"})
    reading = change("append", "gas_reading", data={"oxygen_pct": 20.9})
    refers = {"isolation_point_ids": [point["offline_id"]], "gas_reading_ids": [reading["offline_id"]]}
    permit = change("create", "permit", data={"title": "Tank 4", "status": "approved", **refers})
    photo = change("append", "permit_photo", data={"permit_id": permit["offline_id"], "url": "u"})
    activate = change("update_status", "permit", server_id=permit["offline_id"], data={"status": "active"})
    batch = [point, reading, permit, photo, activate]
    answer = await ann.push(*batch)
    assert answer["summary"] == {"applied": 5, "conflicts": 0, "rejected": 0, "replayed": 0}
    known = {item["offline_id"]: item["server_id"] for item in answer["applied"]}
    ids_ = {
        "isolation_point_ids": [known[point["offline_id"]]], "gas_reading_ids": [known[reading["offline_id"]]],
    }  # fmt: skip
    told = {item["offline_id"]: item["record"] for item in answer["applied"]}
    assert told[permit["offline_id"]]["data"] == {"title": "Tank 4", "status": "approved", **ids_}
    assert told[photo["offline_id"]]["data"]["permit_id"] == known[permit["offline_id"]]
    assert told[point["offline_id"]] is None
    stored = await sql.fetchval(
        "SELECT data ->> 'status' FROM sync.record WHERE tenant_id = $1 AND entity_type = 'permit'", tenant.name
    )
    assert stored == "active"
    again = await ann.push(*batch)
    assert again["summary"] == answer["summary"] | {"replayed": 5}
    # the answer was lost, and only the rest of the queue is sent again: it is the same change still
    alone = await ann.push(permit)
    assert alone["applied"][0]["status"] == "already_applied"
    assert alone["applied"][0]["record"]["data"] == told[permit["offline_id"]]["data"]


async def test_a_conflict_shows_the_final_ids(tenant: Tenant) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", entity="permit", server_id="w", data={"closeout_id": "old"})
    await ben.one(entity="permit", server_id="w", client_version=1, data={"closeout_id": "bens"})
    created = change("create", "closeout", data={"status": "open"})
    update = change(entity="permit", server_id="w", client_version=1, data={"closeout_id": created["offline_id"]})
    answer = await ann.push(created, update)
    (conflict,) = answer["conflicts"]
    assert conflict["fields"]["closeout_id"]["client"] == answer["applied"][0]["server_id"]


@pytest.mark.parametrize(
    ("declaration", "complaint"),
    [
        ({"fields": {"a": {"type": "integer", "references": "task"}}}, "fields.a.references: only a string or a list"),
        ({"fields": {"a": {"references": "task"}}}, "fields.a.references: only a string or a list"),
        (
            {
                "fields": {"a": {"type": "string", "references": "task"}},
                "status": {"field": "s", "guards": {"done": [{"field": "a", "entity": "asset"}]}},
            },
            "fields.a.references: 'task', but a guard finds 'asset' there",
        ),
        ({"fields": {"a": {"type": "list", "references": "nowhere"}}}, "fields.a.references: there is no entity type"),
        (
            {"status": {"field": "s", "guards": {"done": [{"field": "a", "entity": "nowhere"}]}}},
            "status.guards.done: there is no entity type 'nowhere'",
        ),
    ],
)
async def test_a_reference_that_cannot_be_meant_is_said_by_name(
    tenant: Tenant, declaration: dict[str, Any], complaint: str
) -> None:
    answer = await tenant.http.put("/api/v1/entity-types/mine", headers=tenant.headers(), json=declaration)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_declaration")
    assert complaint in answer.json()["detail"]


async def test_a_type_may_refer_to_itself_and_to_those_that_the_tenant_has_declared(tenant: Tenant) -> None:
    async def put(name: str, **fields: Any) -> dict[str, Any]:
        answer = await tenant.http.put(
            f"/api/v1/entity-types/{name}", headers=tenant.headers(), json={"fields": fields}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["fields"])

    told = await put("node", parent_id={"type": "string", "references": "node"})
    assert told["parent_id"]["references"] == "node"
    await put("leaf", node_ids={"type": "list", "references": "node"})
    root = change("create", "node", data={})
    child = change("create", "node", data={"parent_id": root["offline_id"]})
    leaf = change("create", "leaf", data={"node_ids": [child["offline_id"], root["offline_id"]]})
    answer = await tenant.device("ann").push(root, child, leaf)
    known = [item["server_id"] for item in answer["applied"]]
    assert answer["applied"][1]["record"]["data"] == {"parent_id": known[0]}
    assert answer["applied"][2]["record"]["data"] == {"node_ids": [known[1], known[0]]}


def test_the_shipped_types_refer_to_each_other() -> None:
    for kind in shipped().values():
        check_known(kind, shipped().keys())
    guarded = {
        guard.field: guard.entity for kind in shipped().values() for one in kind.guards.values() for guard in one
    }
    assert guarded.items() <= shipped()["permit"].references.items()
    with pytest.raises(DeclarationError, match="no entity type 'b'"):
        check_known(parse("a", {"fields": {"b_id": {"type": "string", "references": "b"}}}), {"a"})
