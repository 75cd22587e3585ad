"""The client and the real server understand each other."""

from datetime import timedelta

import pytest

from foresync.client import ChangeQueue, ForbiddenError, InvalidRequestError, SyncClient, UnauthorizedError
from tests.replay.conftest import Tenant
from web.auth import mint


def test_a_queue_is_taken_and_taken_only_once(tenant: Tenant) -> None:
    queue = ChangeQueue("tablet")
    queue.add("source", "create", {"r0": "one", "r1": "é" * 2000}, server_id="e1")
    queue.add("nonsense", "create", {"r0": "one"}, server_id="e1")
    kept = ChangeQueue("tablet", list(queue))
    with SyncClient(tenant.url, tenant.token) as client:
        (answer,) = queue.send(client)
        (again,) = kept.send(client)

    (applied,), (rejected,) = answer.applied, answer.rejected
    assert (applied.server_id, applied.new_version, applied.status, applied.replayed) == ("e1", 1, "applied", False)
    assert (rejected.reason, rejected.retryable) == ("unknown_entity", False)
    (repeated,) = again.applied
    assert (repeated.sync_event_id, repeated.status, repeated.replayed) == (
        applied.sync_event_id,
        "already_applied",
        True,
    )
    assert len(queue) == len(kept) == 0


def test_a_settled_collision_brings_the_record_and_an_open_one_the_fields(tenant: Tenant) -> None:
    def change(value: str, version: int) -> list[dict[str, object]]:
        named = {"entity": "doc", "op": "update", "server_id": "e1", "offline_id": f"{value}-{version}"}
        return [named | {"client_version": version, "data": {"r0": value}}]

    with SyncClient(tenant.url, tenant.token) as client:
        client.push("desk", change("first", 0))
        client.push("desk", change("second", 1))
        (settled,) = client.push("tablet", change("third", 1)).applied
        policy = client.put_policy("doc", "manual")
        (open_,) = client.push("phone", change("fourth", 2)).conflicts

    assert (settled.status, settled.new_version) == ("merged", 3) and settled.conflict_id
    assert settled.record is not None and settled.record["data"] == {"r0": "third"}
    assert (policy.entity, policy.strategy, policy.version) == ("doc", "manual", 1)
    assert (open_.reason, open_.client_version, open_.server_version) == ("stale_version", 2, 3)
    assert (open_.fields["r0"]["client"], open_.fields["r0"]["server"]) == ("fourth", "third")


def test_a_server_that_says_no_is_an_exception_that_says_why(tenant: Tenant, jwt_secret: str) -> None:
    reader = mint(jwt_secret, tenant=tenant.name, user="u", scopes=("sync",), expires_in=timedelta(minutes=5))
    with SyncClient(tenant.url, "not-a-token") as client, pytest.raises(UnauthorizedError) as unauthorized:
        client.push("tablet", [])
    with SyncClient(tenant.url, reader) as client, pytest.raises(ForbiddenError) as forbidden:
        client.import_batch([])
    with SyncClient(tenant.url, tenant.token) as client:
        with pytest.raises(InvalidRequestError) as unknown:
            client.policy("nonsense")
        with pytest.raises(InvalidRequestError):
            client.put_entity_type("widget", {"colour": "blue"})

    assert unauthorized.value.code == "token_invalid"
    assert (unknown.value.status, unknown.value.code) == (404, "unknown_entity")
    assert (forbidden.value.status, forbidden.value.code) == (403, "insufficient_scope")


def test_a_person_settles_a_conflict_against_what_they_saw(tenant: Tenant) -> None:
    def change(value: str, version: int) -> list[dict[str, object]]:
        named = {"entity": "doc", "op": "update", "server_id": "e7", "offline_id": f"{value}-{version}"}
        return [named | {"client_version": version, "data": {"r0": value}}]

    with SyncClient(tenant.url, tenant.token) as client:
        client.put_policy("doc", "manual")
        client.push("desk", change("first", 0))
        client.push("desk", change("second", 1))
        (open_,) = client.push("tablet", change("third", 1)).conflicts
        (listed,) = client.conflicts(status="open", entity="doc", entity_id="e7").conflicts
        with pytest.raises(InvalidRequestError) as moved:
            client.resolve(open_.conflict_id, "keep_mine", expected_version=1)
        now = client.conflict(open_.conflict_id)
        settled = client.resolve(open_.conflict_id, "keep_mine", expected_version=now["server_version"])

    assert listed["conflict_id"] == open_.conflict_id
    assert (moved.value.code, moved.value.retryable) == ("conflict_moved", False)
    assert moved.value.problem["conflict"]["fields"] == now["fields"]
    assert (now["fields"]["r0"]["mine"], now["fields"]["r0"]["theirs"]) == ("third", "second")
    assert (settled.status, settled.new_version, settled.record["data"]) == ("resolved", 3, {"r0": "third"})


def test_an_edit_is_announced_kept_open_and_closed(tenant: Tenant) -> None:
    with SyncClient(tenant.url, tenant.token) as client:
        edit = client.open_edit("desk", "doc", "e8", base_version=1, fields=["r0"], expires_in=60)
        renewed = client.renew_edit(edit.edit_id, fields=["r1"])
        closed = client.close_edit(edit.edit_id)

    assert (edit.status, edit.fields, edit.base_version) == ("open", ["r0"], 1)
    assert (renewed.fields, renewed.expires_at > edit.expires_at) == (["r0", "r1"], True)
    assert closed.status == "closed"
