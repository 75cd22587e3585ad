"""The client asks what a push would be told, by hashes that the server can take too."""

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresync.client import ChangeQueue, SyncClient, hashing
from foresync.client.checking import asked
from sync_api import canonical
from sync_api.engine.entity_types import EntityType, Field, Policy
from tests.foresync_client.scripted import Reply, scripted
from tests.replay.conftest import Tenant

# the examples of RFC 8785, appendix B: the bits of a double, and how it is written
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@pytest.mark.parametrize(("bits", "written"), NUMBERS.items())
def test_numbers_are_written_as_the_standard_shows(bits: str, written: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert hashing.canonical(value) == canonical.encode(value).decode() == written


def test_text_and_names_are_written_as_the_standard_shows() -> None:
    value = {"\u20ac": "$", "\r": '\u000f\nA\'B"\\\\"/', "\U0001f600": 1, "\ufb33": 2, "1": [True, None]}
    assert hashing.canonical(value) == (
        '{"\\r":"\\u000f\\nA\'B\\"\\\\\\\\\\"/","1":[true,null],"€":"$","\U0001f600":1,"\ufb33":2}'
    )


@given(_json)
def test_client_and_server_spell_alike(value: Any) -> None:
    assert hashing.canonical(value).encode() == canonical.encode(value)
    assert hashing.is_told_apart(value) == canonical.is_exact(value)


@given(
    st.datetimes().map(str) | st.dates().map(str) | st.from_regex(r"[0-9]{4}-[0-2][0-9]-[0-3][0-9]([T ][0-9:.Z+]*)?\n?")
)
def test_client_and_server_know_the_same_moments(text: str) -> None:
    declared = EntityType("t", Policy("client_wins"), {"at": Field("datetime")})
    assert (hashing.kind(text) == "datetime") == (declared.complaint({"at": text}, is_new=False) is None)


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}])
def test_what_json_cannot_say_has_no_hash(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        hashing.sha256(value)


def test_a_question_holds_no_value_but_what_it_must() -> None:
    change = {
        "entity": "task", "op": "update", "offline_id": "o", "client_version": 5,
        "data": {"title": "secret", "at": "2026-01-01", "n": 1, "x": 1.5, "tags": [1], "o": {}, "gone": None,
                 "big": 2**60},
        "base": {"title": "secret before"},
    }  # fmt: skip
    body = asked(change, reveal=["n"])
    assert body["data"] == {"n": 1, "big": 2**60}
    assert body["types"] == {"title": "string", "at": "datetime", "x": "number", "tags": "list", "o": "object"}
    assert body["hashes"]["title"] == hashing.sha256("secret")
    assert (body["base"], body["base_hashes"]) == ({}, {"title": hashing.sha256("secret before")})
    assert "secret" not in json.dumps(body)
    assert asked({"op": "delete", "data": None}) == {"op": "delete", "data": None}


def test_a_queue_is_checked_against_a_real_server_and_then_sent(tenant: Tenant) -> None:
    queue = ChangeQueue("tablet")
    queue.add("doc", "update", {"r0": "tablet"}, server_id="e1", client_version=1)
    queue.add("doc", "create", {"r0": "new"}, server_id="e2")
    with SyncClient(tenant.url, tenant.token) as client:
        made = {"entity": "doc", "op": "create", "offline_id": "a", "server_id": "e1", "data": {"r0": "first"}}
        client.push("desk", [made])
        client.push("desk", [made | {"op": "update", "offline_id": "b", "client_version": 1, "data": {"r0": "desk"}}])
        client.put_policy("doc", "manual")
        told = queue.check(client)
        (answer,) = queue.send(client)
    assert [one.verdict for one in told.changes] == ["conflict", "applied"]
    assert [one.exact for one in told.changes] == [True, True]
    assert told.changes[0].fields["r0"]["last_written"]["device"] == "desk"
    assert (told.summary["conflict"], told.summary["inexact"]) == (1, 0)
    assert [one.offline_id for one in answer.conflicts] == [told.changes[0].offline_id]


def test_who_wants_it_exactly_sends_the_values_that_it_depends_on_and_no_others(tenant: Tenant) -> None:
    declared = {"policy": "client_wins", "fields": {"most": {"type": "integer", "rule": "max"}, "r0": "string"}}
    named = {"entity": "peak", "server_id": "e1"}
    with SyncClient(tenant.url, tenant.token) as client:
        client.put_entity_type("peak", declared)
        client.push("desk", [named | {"op": "create", "offline_id": "a", "data": {"most": 1}}])
        client.push("desk", [named | {"op": "update", "offline_id": "b", "client_version": 1, "data": {"most": 9}}])
        mine = [named | {"op": "update", "offline_id": "c", "client_version": 1, "data": {"most": 5, "r0": "secret"}}]
        (vague,) = client.check("tablet", mine).changes
        (exact,) = client.check("tablet", mine, exact=True).changes
    assert (vague.verdict, vague.exact, vague.depends_on_value) == ("merged", False, ["most"])
    assert (exact.verdict, exact.exact, exact.fields["most"]["winner"]) == ("merged", True, "server")


def test_only_what_is_asked_for_is_shown() -> None:
    def reply(*fields: str) -> Reply:
        one = {
            "entity": "task", "offline_id": "o", "server_id": "s", "verdict": "merged", "reason": None,
            "exact": not fields, "depends_on_value": list(fields), "depends_on_changes": [],
        }  # fmt: skip
        return Reply(body={"server_time": "2026-01-01T00:00:00Z", "as_of_seq": 1, "changes": [one], "summary": {}})

    change = {"entity": "task", "op": "update", "offline_id": "o", "data": {"a": 1, "b": 2, "c": 3}}
    with scripted(reply("a"), reply("b"), reply()) as script, SyncClient(script.url, "token") as client:
        assert client.check("tablet", [change], exact=True).changes[0].exact
    assert [list(seen.body["changes"][0]["data"]) for seen in script.seen] == [[], ["a"], ["a", "b"]]
