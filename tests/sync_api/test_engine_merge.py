"""The rules that combine values: idempotent, and commutative where both sides mean the same thing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync_api.engine import clock, merge
from sync_api.engine.merge import NOT_MERGEABLE
from sync_api.engine.values import same

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.0, 1.0, 0.5]) | st.sampled_from("abc")
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
)
sets = st.lists(st.sampled_from("abcdef"), unique=True)


@given(json_values, json_values)
def test_sameness_is_an_equivalence_that_tells_true_from_one(a: Any, b: Any) -> None:
    assert same(a, a)
    assert same(a, b) == same(b, a)
    assert not same(True, 1) and not same([False], [0]) and not same({"x": 1}, {"x": True})
    assert same(1, 1.0) and same([1], [1.0])


@given(sets, sets, sets)
def test_sets_merge_three_ways(base: list[str], client: list[str], server: list[str]) -> None:
    merged = set(merge.merge_sets(base, client, server))
    assert merged == set(merge.merge_sets(base, server, client))
    for item in {*base, *client, *server}:
        kept_by_both = item in client and item in server
        added = item not in base and (item in client or item in server)
        assert (item in merged) == (kept_by_both or added)


@given(sets, sets)
def test_without_a_base_nothing_is_removed(client: list[str], server: list[str]) -> None:
    assert set(merge.merge_sets(None, client, server)) == set(client) | set(server)
    once = merge.merge_sets(None, client, server)
    assert merge.merge_sets(None, client, once) == once
    assert merge.merge_sets(client, client, server) == server  # a client that changed nothing changes nothing


@given(st.booleans(), st.booleans())
def test_what_is_ticked_stays_ticked(a: bool, b: bool) -> None:
    assert merge.true_wins(a, b) is merge.true_wins(b, a) is (a or b)


@given(st.integers() | st.floats(allow_nan=False), st.integers() | st.floats(allow_nan=False))
def test_greater_and_lesser_choose_one_of_the_two(a: float, b: float) -> None:
    assert merge.greater(a, b) == merge.greater(b, a) == max(a, b)
    assert merge.lesser(a, b) == merge.lesser(b, a) == min(a, b)


@given(st.sampled_from("abcx"), st.sampled_from("abcx"))
def test_the_further_status_wins_and_an_unknown_one_is_nobodys(a: str, b: str) -> None:
    told = merge.further(("a", "b", "c"), a, b)
    assert told is NOT_MERGEABLE if "x" in (a, b) else told == max(a, b)
    assert told == merge.further(("a", "b", "c"), b, a)


@given(json_values, json_values)
def test_values_of_another_kind_are_left_to_the_policy(a: Any, b: Any) -> None:
    for value in (merge.merge_sets(None, a, b), merge.true_wins(a, b), merge.greater(a, b), merge.lesser(a, b),
                  merge.further(("a", "b"), a, b)):  # fmt: skip
        assert value is NOT_MERGEABLE or isinstance(value, list | bool | int | float | str)


moments = st.datetimes(timezones=st.sampled_from([clock.UTC])).map(clock.storable)


@given(moments, moments, moments)
def test_no_clock_is_ever_ahead_of_ours(edited: Any, client: Any, received: Any) -> None:
    at = clock.corrected(edited, client, received)
    assert at <= max(received, clock.EARLIEST)
    assert len(clock.text(at)) == len("2026-01-01T00:00:00.000000Z")


@given(moments, st.timedeltas(min_value=clock.timedelta(), max_value=clock.timedelta(days=300)), moments)
def test_a_skewed_clock_is_set_right(received: Any, ago: Any, client: Any) -> None:
    edited_on_its_clock = client - ago if client - clock.FIRST > ago else client
    ago = client - edited_on_its_clock
    expected = received - ago if received - clock.FIRST > ago else clock.EARLIEST
    assert clock.corrected(edited_on_its_clock, client, received) == max(clock.EARLIEST, min(expected, received))


@given(moments, moments)
def test_text_compares_as_time_does(a: Any, b: Any) -> None:
    assert (clock.text(a) < clock.text(b)) == (a < b)
