"""What becomes of a change, for any change to any record: a few laws that hold under every policy."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_api.engine import clock
from sync_api.engine.apply import apply
from sync_api.engine.decide import decide
from sync_api.engine.declarations import parse
from sync_api.engine.entity_types import Policy
from sync_api.engine.values import DELETED, Change, Record, same

FIELDS = ("status", "tags", "done", "count", "priority", "note")
KIND = parse(
    "thing",
    {
        "policy": "field_merge",
        "fields": {
            "tags": {"rule": "set_merge"},
            "done": {"rule": "true_wins"},
            "count": {"rule": "max"},
            "status": {"rule": "monotonic", "order": ["a", "b", "c"]},
        },
        "escalation": {"field": "priority", "order": ["a", "b", "c"], "from": "c"},
    },
)
AUTOMATIC = ("client_wins", "server_wins", "most_recent_wins", "preserve_escalation")

values = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from("abc") | st.lists(st.sampled_from("abc"))
data = st.dictionaries(st.sampled_from(FIELDS), values, max_size=4)
authors = st.sampled_from([("ann", "phone"), ("ann", "laptop"), ("ben", "phone"), ("eve", "tablet")])
times = st.integers(0, 2000).map(lambda s: clock.text(clock.EARLIEST + clock.timedelta(seconds=s)))
ops = st.sampled_from(["create", "update", "update", "update", "delete"])
rules = st.sampled_from(["last_write_wins", "manual", "min"])
known_versions = st.integers(0, 8)
policies = st.builds(
    Policy,
    strategy=st.sampled_from((*AUTOMATIC, "field_merge", "manual")),
    field_rules=st.dictionaries(
        st.sampled_from(FIELDS), st.sampled_from(["last_write_wins", "manual", "min"]), max_size=2
    ),
    auto_resolve=st.booleans(),
    mode=st.sampled_from(["enforce", "enforce", "shadow"]),
)


@st.composite
def changes(draw: Any, versions: Any = known_versions) -> Change:
    user, device = draw(authors)
    op = draw(ops)
    return Change(op, user, device, draw(st.none() | versions), draw(times), {} if op == "delete" else draw(data))


def judge(change: Change, record: Record, policy: Policy, base: Any = None) -> Any:
    return decide(change, record, KIND, policy, start=record.version, base_of=lambda _: base)


def put(record: Record, change: Change, policy: Policy) -> Any:
    """Decide and apply, as a server would."""
    decision = judge(change, record, policy)
    if decision.writes or (decision.outcome == "applied" and not record.version):
        version, at = record.version + 1, change.edited_at
        stamp = {"version": version, "user": change.user, "device": change.device, "event_id": f"e{version}",
                 "event_at": at, "edited_at": at}  # fmt: skip
        apply(record, decision, stamp)
        record.version = stamp["version"]
    return decision


@st.composite
def records(draw: Any) -> Record:
    record = Record()
    for change in draw(st.lists(changes(), max_size=6)):
        put(record, change, Policy("client_wins"))
    return record


@settings(max_examples=200)
@given(records(), changes(), policies)
def test_laws_that_hold_under_every_policy(record: Record, change: Change, policy: Policy) -> None:
    before = (dict(record.data), dict(record.stamps), record.version, record.is_deleted)
    decision = judge(change, record, policy)
    assert before == (record.data, record.stamps, record.version, record.is_deleted)  # deciding changes nothing
    if change.client_version is not None and change.client_version > record.version:
        assert decision.reason == "resync_required"
        return
    assert decision.outcome != "rejected"
    if decision.outcome in ("conflict", "unchanged"):
        assert not decision.writes
    if decision.conflict is None:
        assert decision.outcome != "conflict"
        assert all(name == DELETED or same(change.data[name], value) for name, value in decision.writes.items())
    else:
        assert decision.is_stale and decision.touched
        assert decision.conflict.is_open == (decision.outcome == "conflict")
        for field in decision.conflict.fields.values():  # whoever lost, both values are kept
            assert not same(field.client, field.server)
            assert field.winner in ("none", "merged") or same(field.value, getattr(field, field.winner))
    if change.client_version == record.version:
        assert decision.outcome in ("applied", "unchanged") and decision.conflict is None


@settings(max_examples=100)
@given(records(), changes(), st.sampled_from(AUTOMATIC))
def test_these_policies_never_leave_anything_open(record: Record, change: Change, strategy: str) -> None:
    decision = judge(change, record, Policy(strategy))
    is_about_deletion = decision.conflict is not None and DELETED in decision.conflict.fields
    assert decision.outcome != "conflict" or (strategy == "preserve_escalation")
    if decision.outcome == "conflict":
        values = [(f.client, f.server) for f in decision.conflict.fields.values() if f.winner == "none"]
        assert is_about_deletion or values


@settings(max_examples=100)
@given(records(), changes(), st.sampled_from(["client_wins", "most_recent_wins"]))
def test_the_same_edit_again_changes_nothing_more(record: Record, change: Change, strategy: str) -> None:
    put(record, change, Policy(strategy))
    after = (dict(record.data), record.version, record.is_deleted)
    again = put(record, change, Policy(strategy))
    if change.op != "create":  # a create over a tombstone starts anew each time only when it is gone again
        assert again.outcome != "conflict"
    assert after == (record.data, record.version, record.is_deleted)


def test_what_a_union_took_from_another_outlives_the_next_edit_of_an_old_queue() -> None:
    record = Record()
    for author, version, tags in (("ann", None, []), ("ben", 1, ["b"]), ("ann", 1, ["a"]), ("ann", 1, ["a", "c"])):
        op = "update" if version else "create"
        change = Change(op, author, "phone", version, clock.text(clock.EARLIEST), {"tags": tags})  # type: ignore[arg-type]
        decision = put(record, change, Policy("client_wins"))
    assert record.data["tags"] == ["b", "a", "c"]
    assert decision.conflict is not None
    assert record.stamps["tags"]["over"]["user"] == "ben"

    known = Change("update", "ann", "phone", record.version, clock.text(clock.EARLIEST), {"tags": ["c"]})
    assert put(record, known, Policy("client_wins")).outcome == "applied"  # what it has seen it may take away
    assert record.data["tags"] == ["c"]


def test_a_value_that_won_by_who_wrote_it_is_its_authors_own() -> None:
    record = Record()
    for author, version, note in (("ann", None, "x"), ("ben", 1, "b"), ("ann", 1, "a")):
        op = "update" if version else "create"
        change = Change(op, author, "phone", version, clock.text(clock.EARLIEST), {"note": note})  # type: ignore[arg-type]
        put(record, change, Policy("client_wins"))
    again = Change("update", "ann", "phone", 1, clock.text(clock.EARLIEST), {"note": "c"})
    assert put(record, again, Policy("client_wins")).conflict is None


@settings(max_examples=100)
@given(st.permutations(range(3)), st.lists(changes(st.just(1)), min_size=3, max_size=3))
def test_the_most_recent_edits_win_in_whatever_order_they_arrive(order: list[int], edits: list[Change]) -> None:
    """Three devices edit one field of version 1; all orders of arrival end in the same value."""
    names = [("ann", "a"), ("ben", "b"), ("eve", "c")]
    edits = [
        Change("update", user, device, 1, edit.edited_at, {"note": f"{user}'s"})
        for (user, device), edit in zip(names, edits, strict=True)
    ]

    start = clock.text(clock.EARLIEST)

    def run(sequence: list[int]) -> Any:
        record = Record()
        put(
            record,
            Change("create", "zoe", "z", None, start, {"note": "base"}),
            Policy("client_wins"),
        )
        for index in sequence:
            put(record, edits[index], Policy("most_recent_wins"))
        return record.data["note"]

    assert run(order) == run([0, 1, 2])


@settings(max_examples=100)
@given(records(), changes(), policies)
def test_shadow_applies_what_was_sent(record: Record, change: Change, policy: Policy) -> None:
    shadow = Policy(policy.strategy, policy.field_rules, policy.auto_resolve, "shadow")
    decision = judge(change, record, shadow)
    assert decision.outcome != "conflict"
    if decision.outcome == "merged" and change.op != "delete":
        assert all(same(decision.writes[n], v) for n, v in change.data.items() if n in decision.writes)


@given(records(), changes())
def test_a_delete_is_seen_by_whoever_edited_any_field(record: Record, change: Change) -> None:
    if record.version == 0 or record.is_deleted or change.op == "delete":
        return
    stale = Change(change.op, "zoe", "z", record.version, change.edited_at, change.data)
    put(record, Change("delete", "ann", "phone", record.version, change.edited_at, {}), Policy("client_wins"))
    assert judge(stale, record, Policy("manual")).reason == "deleted"
    assert {stamp["version"] for stamp in record.stamps.values()} == {record.version}
