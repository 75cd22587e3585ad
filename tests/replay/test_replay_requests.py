"""What goes into a request, answered by the rules' own model in place of a server."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from foresync.client import Applied, PushAnswer
from foresync.replay.answers import Answers
from foresync.replay.history import History
from foresync.replay.items import Items
from foresync.replay.pace import Pace
from foresync.replay.plan import PushStep, plan
from foresync.replay.requests import MOST_ITEMS, requests
from foresync.replay.times import TimeMap
from tests.replay.histories import edit, history, push
from tests.replay.model import Model

Item = dict[str, Any]


class Played:
    """A history sent to the model request by request."""

    def __init__(self, told: History, remembered: Answers | None = None, share: float = 1.0) -> None:
        known = [remembered.versions(index) for index in range(len(remembered))] if remembered else []
        self.answers = Answers(told.pushes, known)
        self.model = Model()
        self.requests: list[list[Item]] = []
        self.outcomes: list[str] = []
        items = Items("t", TimeMap(*told.span, *told.span), self.answers)
        steps = plan(told, "t", share, 0)
        for request in requests(steps, self.answers.__len__, lambda _: True):
            self.requests.append([items.render(step) for step in request])
            for step, item in zip(request, self.requests[-1], strict=True):
                if isinstance(step, PushStep):
                    self.answers.take(self._answer(item))

    def _answer(self, item: Item) -> PushAnswer:
        author = (item["user_id"], item["push"]["device_id"])
        applied = []
        for change in item["push"]["changes"]:
            key = (change["entity"], change["server_id"])
            outcome = self.model.change(author, key, change["op"], change["client_version"], change["data"])
            self.outcomes.append(outcome.status)
            applied.append(_applied(change, outcome.version, outcome.status))
        return PushAnswer("s", datetime.now(UTC), applied, [], [], 0)

    def pushed(self) -> list[list[str]]:
        return [[i["push"]["sync_session_id"] for i in items if i["kind"] == "push"] for items in self.requests]

    def base_versions(self) -> list[int]:
        return [
            c["client_version"] for items in self.requests for i in items if "push" in i for c in i["push"]["changes"]
        ]


def _applied(change: Item, version: int, status: str) -> Applied:
    return Applied(
        change["entity"], change["offline_id"], change["server_id"], version, status, None, None, None, False
    )


def test_a_request_ends_where_a_push_builds_on_an_answer_still_outstanding() -> None:
    played = Played(
        history(
            push(0, 10, edit(1, 0, 1, op="create")),
            push(1, 11, edit(2, 0, 1, op="create")),
            push(2, 12, edit(1, 1, 2, value=2)),
            push(3, 13, edit(2, 1, 2, value=2)),
            push(4, 14, edit(1, 2, 3, value=3)),
        )
    )

    assert played.pushed() == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    assert played.base_versions() == [0, 0, 1, 1, 2]


def test_an_unchanged_answer_is_a_base_without_a_new_version() -> None:
    played = Played(
        history(
            push(0, 10, edit(1, 0, 1, op="create", value=5)),
            push(1, 11, edit(1, 1, 2, value=5)),  # the history counted it, the server sees nothing new
            push(2, 12, edit(1, 2, 3, value=6)),
        )
    )

    assert played.outcomes == ["applied", "unchanged", "applied"]
    assert played.base_versions() == [0, 1, 1]


def test_a_record_that_only_left_out_pushes_had_made_is_created() -> None:
    played = Played(history(push(5, 10, edit(1, 3, 4)), push(6, 11, edit(1, 4, 5, value=9))))

    changes = [item["push"]["changes"][0] for request in played.requests for item in request]
    assert [(change["op"], change["client_version"]) for change in changes] == [("create", 0), ("update", 1)]


def test_a_merge_names_its_announced_edit_and_its_device() -> None:
    played = Played(
        history(
            push(0, 10, edit(1, 0, 1, op="create"), user=3),
            push(1, 20, edit(1, 1, 2, at=15, value=2), user=3, is_merge=True),
        )
    )

    created, opened, merged, closed = [item for request in played.requests for item in request]
    assert created["push"]["device_id"] == "u3-main" and merged["push"]["device_id"] == "u3-m1"
    assert "edit_id" not in created["push"]["changes"][0]
    assert merged["push"]["changes"][0]["edit_id"] == opened["edit_id"] == closed["edit_id"]
    assert opened["base_version"] == 1 and opened["fields"] == ["r0"]
    assert len({opened["id"], closed["id"], opened["edit_id"]}) == 3 and uuid.UUID(opened["id"])


def test_remembered_answers_fill_requests_and_say_the_same() -> None:
    told = history(
        push(0, 0, edit(0, 0, 1, op="create", value=0)),
        *(push(n, n, edit(0, n, n + 1, value=n)) for n in range(1, MOST_ITEMS + 100)),
    )

    first = Played(told)
    second = Played(told, remembered=first.answers)

    assert len(first.requests) == MOST_ITEMS + 100
    assert [len(request) for request in second.requests] == [MOST_ITEMS, 100]
    assert second.base_versions() == first.base_versions()


def test_memories_of_another_server_are_dropped() -> None:
    told = history(
        push(0, 0, edit(0, 0, 1, op="create", value=0)),
        push(1, 1, edit(1, 0, 1, op="create")),
        push(2, 2, edit(0, 1, 2)),
    )
    answers = Answers(told.pushes, [(7,), (1,), (8,)])

    answers.take(PushAnswer("s", datetime.now(UTC), [_applied(_change("p0-e0"), 1, "applied")], [], [], 0))

    assert not answers.remembers and len(answers) == 1
    assert answers.version(0, 0) == 1


def _change(offline_id: str) -> Item:
    return {"entity": "source", "offline_id": offline_id, "server_id": "e0"}


def test_what_is_not_due_waits_for_the_next_request() -> None:
    told = history(*(push(n, n, edit(n, 0, 1, op="create")) for n in range(4)))
    steps = plan(told, "t", 0.0, 0)

    cut = list(requests(steps, lambda: 0, lambda step: step.at < 2))

    assert [[step.at for step in request] for request in cut] == [[0, 1], [2], [3]]


def test_a_pace_waits_for_mapped_time_divided_by_its_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = 100.0, []
    monkeypatch.setattr("foresync.replay.pace.time.monotonic", lambda: now)
    monkeypatch.setattr("foresync.replay.pace.time.sleep", slept.append)
    pace = Pace(10.0, first=5_000_000)
    now = 101.0

    assert pace.is_due(15_000_000) and not pace.is_due(15_000_001)
    pace.wait(65_000_000)
    assert slept == [5.0]
    assert Pace(None, first=0).is_due(10**15)
