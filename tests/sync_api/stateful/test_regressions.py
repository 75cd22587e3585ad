"""What the simulated devices have found once, told shortly."""

from collections.abc import Callable

from tests.sync_api.running import Tenant, change


async def test_a_batch_that_is_sent_again_is_judged_as_it_was(new_tenant: Callable[[], Tenant]) -> None:
    """What waited for a refused change waits again: the first answer may have been lost."""
    tenant = new_tenant()
    ann = tenant.device("ann")
    await ann.one(op="create", entity="isolation_point", server_id="i", data={"status": "assigned"})
    queue = [
        change(entity="isolation_point", server_id="i", client_version=1, data={"status": "verified", "notes": "ok"}),
        change(entity="isolation_point", server_id="i", client_version=1, data={"notes": "verified by me"}),
    ]
    for _ in range(2):
        answer = await ann.push(*queue)
        assert [item["reason"] for item in answer["rejected"]] == ["invalid_transition", "blocked"]
    assert (await ann.push(queue[1]))["applied"][0]["status"] == "applied"


async def test_what_was_written_on_top_of_a_blocked_change_waits_with_it(tenant: Tenant) -> None:
    """Else the blocked one, sent again, would undo the later edit of the same field."""
    ann = tenant.device("ann")
    point = {"entity": "isolation_point", "server_id": "i"}
    await ann.one(op="create", **point, data={"status": "assigned"})
    answer = await ann.push(
        change(**point, client_version=1, data={"status": "verified"}),
        change(**point, client_version=1, data={"status": "isolated", "notes": "first"}),
        change(**point, client_version=1, data={"notes": "second"}),
        change(**point, client_version=1, data={"label": "free"}),
    )
    assert [item["reason"] for item in answer["rejected"]] == ["invalid_transition", "blocked", "blocked"]
    assert [item["status"] for item in answer["applied"]] == ["applied"]


async def test_who_appends_what_is_there_already_is_told_the_whole_of_it(tenant: Tenant) -> None:
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="append", entity="signature", server_id="s", data={"signed_by": "ann", "permit_id": "p"})
    told = await ben.one(op="append", entity="signature", server_id="s", data={"signed_by": "ann"})
    assert told["status"] == "unchanged"
    assert told["record"]["data"] == {"signed_by": "ann", "permit_id": "p"}


async def test_what_a_record_lost_with_its_tombstone_is_still_known_as_a_base(tenant: Tenant) -> None:
    """A create over a tombstone drops fields; a client from before must still merge its list with what it knew."""
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"tags": ["old"], "title": "A"})
    await ann.one(op="delete", server_id="r", client_version=1)
    await ann.one(op="create", server_id="r", client_version=2, data={"title": "B"})
    await ann.one(server_id="r", client_version=3, data={"tags": ["new"]})
    told = await ben.one(server_id="r", client_version=1, data={"tags": ["old", "mine"]})
    assert told["record"]["data"]["tags"] == ["new", "mine"]


async def test_who_brings_a_record_back_is_told_what_it_still_holds(tenant: Tenant) -> None:
    """A feed tells of a deleted record without its data; what returns with an update must come with the answer."""
    ann, ben = tenant.device("ann"), tenant.device("ben")
    await ann.one(op="create", server_id="r", data={"title": "A", "description": "kept"})
    await ann.one(op="delete", server_id="r", client_version=1)
    told = await ben.one(server_id="r", client_version=2, data={"title": "B"})
    assert told["status"] == "applied"
    assert told["record"]["data"] == {"title": "B", "description": "kept"}
