"""The order of a replay, and which answer gives which base version."""

from foresync.replay.plan import NONE, PresenceStep, PushStep, plan
from tests.replay.histories import edit, history, push


def pushes_of(steps: list[PushStep | PresenceStep]) -> list[PushStep]:
    return [step for step in steps if isinstance(step, PushStep)]


def test_a_base_is_the_newest_replayed_push_at_or_below_it() -> None:
    # version 2 came from a push that was left out; the third push saw it, the fourth saw only the first
    steps = plan(
        history(
            push(0, 10, edit(7, 0, 1, op="create")),
            push(1, 20, edit(8, 0, 1, op="create")),
            push(3, 30, edit(7, 2, 3)),
            push(4, 40, edit(7, 1, 4, at=25), is_merge=True),
            push(5, 50, edit(7, 4, 5)),
        ),
        "t",
        0.0,
        0,
    )

    assert [step.bases for step in pushes_of(steps)] == [(NONE,), (NONE,), (0,), (0,), (3,)]


def test_a_push_without_effect_is_the_base_of_whoever_comes_after() -> None:
    steps = plan(
        history(
            push(0, 10, edit(7, 0, 1, op="create")),
            push(1, 20, edit(7, 1, 2)),
            push(2, 30, edit(7, 1, 2, at=15), is_merge=True),  # the history stayed at version 2
            push(3, 40, edit(7, 2, 3)),
        ),
        "t",
        0.0,
        0,
    )

    assert [step.bases for step in pushes_of(steps)] == [(NONE,), (0,), (0,), (2,)]


def test_presence_stands_in_time_order_after_its_base_and_around_its_push() -> None:
    # the edit began the moment its base was received
    merge = edit(7, 1, 3, at=10, fields=(1, 2, 3), first_at=(10, 25, 30))
    steps = plan(
        history(
            push(0, 10, edit(7, 0, 1, op="create")),
            push(1, 20, edit(7, 1, 2)),
            push(2, 30, merge, user=5, is_merge=True),
            push(3, 30, edit(7, 3, 4)),
        ),
        "t",
        1.0,
        0,
    )

    told = [
        (step.announcement.kind, step.at, step.announcement.fields, step.base)
        if isinstance(step, PresenceStep)
        else step.index
        for step in steps
    ]
    assert told == [
        0,
        ("opened", 10, (1,), 0),
        1,
        ("fields", 25, (1, 2), 0),
        ("fields", 30, (1, 2, 3), 0),
        2,
        ("closed", 30, (1, 2, 3), 0),
        3,
    ]
    assert [step.at for step in steps] == sorted(step.at for step in steps)


def test_only_merges_announce_and_only_the_drawn_share() -> None:
    pushes = [push(0, 0, *(edit(n, 0, 1, op="create") for n in range(400)))]
    pushes.append(push(1, 10, *(edit(n, 1, 2, at=5) for n in range(400)), is_merge=True))

    shares = [pushes_of(plan(history(*pushes), "t", share, 3)) for share in (0.0, 0.5, 1.0)]
    again = pushes_of(plan(history(*pushes), "t", 0.5, 3))
    other_seed = pushes_of(plan(history(*pushes), "t", 0.5, 4))

    assert all(not steps[0].announced for steps in shares)
    assert [len(steps[1].announced) for steps in (shares[0], shares[2])] == [0, 400]
    assert 150 < len(shares[1][1].announced) < 250
    assert again[1].announced == shares[1][1].announced != other_seed[1].announced


def test_an_announced_base_is_one_that_was_there_when_the_edit_was_opened() -> None:
    # the third push left the history at version 1 although the server will raise it; it came after the edit began
    steps = plan(
        history(
            push(0, 10, edit(7, 0, 1, op="create")),
            push(1, 30, edit(7, 1, 1, at=30), is_merge=True),
            push(2, 40, edit(7, 1, 2, at=20), is_merge=True),
        ),
        "t",
        1.0,
        0,
    )

    opened = [s.base for s in steps if isinstance(s, PresenceStep) and s.announcement.kind == "opened" and s.at == 20]
    assert opened == [0]
    assert pushes_of(steps)[2].bases == (1,)
