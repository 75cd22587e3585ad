"""What the client does when the network or the server does not play along: nothing unsent is ever lost."""

import subprocess
import sys
from itertools import count
from typing import Any

import pytest

from foresync.client import (
    ChangeQueue,
    ForbiddenError,
    InvalidRequestError,
    RateLimitedError,
    Retry,
    ServerError,
    SyncClient,
    SyncError,
    TooLargeError,
    UnauthorizedError,
    UnreachableError,
)
from tests.foresync_client.scripted import Reply, scripted

QUICK = Retry(attempts=4, first=0.001)
ONCE = Retry(attempts=1)


def answer(*changes: dict[str, Any], rejected: tuple[dict[str, Any], ...] = ()) -> Reply:
    applied = [
        {"entity": c["entity"], "offline_id": c["offline_id"], "server_id": "s", "new_version": 1, "status": "applied"}
        for c in changes
    ]
    summary = {"applied": len(applied), "conflicts": 0, "rejected": len(rejected), "replayed": 0}
    body = {
        "sync_id": "1",
        "server_time": "2026-01-01T00:00:00Z",
        "applied": applied,
        "conflicts": [],
        "summary": summary,
    }
    return Reply(body=body | {"rejected": list(rejected)}, headers={"X-Recommended-Batch-Size": "2"})


def problem(status: int, code: str, retryable: bool = False) -> Reply:
    return Reply(status, {"title": "No", "detail": "not now", "code": code, "retryable": retryable})


def queue_of(n: int) -> ChangeQueue:
    queue = ChangeQueue("tablet")
    for number in range(n):
        queue.add("task", "update", {"title": str(number)}, server_id=f"t{number}", client_version=1)
    return queue


def test_a_push_is_repeated_word_for_word_until_it_is_answered() -> None:
    queue = queue_of(1)
    replies = (Reply(0), problem(503, "busy", True), problem(429, "slow_down", True), answer(*queue))
    with scripted(*replies) as script, SyncClient(script.url, "token", retry=QUICK) as client:
        queue.send(client)

    assert len(queue) == 0
    assert len(script.seen) == 4
    assert len({seen.raw for seen in script.seen}) == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (problem(401, "token_expired"), UnauthorizedError),
        (problem(403, "insufficient_scope"), ForbiddenError),
        (problem(413, "too_large"), TooLargeError),
        (problem(422, "invalid"), InvalidRequestError),
        (problem(429, "slow_down", retryable=True), RateLimitedError),
        (problem(500, "internal", retryable=True), ServerError),
        (Reply(502, "a proxy's page"), ServerError),
        (Reply(0), UnreachableError),
    ],
)
def test_no_failure_takes_anything_from_the_queue(reply: Reply, error: type[SyncError]) -> None:
    queue = queue_of(3)
    before = list(queue)
    with scripted(reply) as script, SyncClient(script.url, "token", retry=ONCE) as client, pytest.raises(error):
        queue.send(client)

    assert list(queue) == before


def test_what_was_answered_leaves_and_the_rest_stays() -> None:
    queue = queue_of(102)
    first, rest = list(queue)[:100], list(queue)[100:]
    replies = (answer(*first), problem(500, "internal"), answer(*rest))
    with scripted(*replies) as script, SyncClient(script.url, "token", retry=ONCE) as client:
        with pytest.raises(ServerError):
            queue.send(client)
        assert list(queue) == rest
        queue.send(client)

    assert len(queue) == 0
    assert [len(seen.body["changes"]) for seen in script.seen] == [100, 2, 2]
    assert script.seen[1].body["changes"] == script.seen[2].body["changes"]


def test_a_rejected_change_stays_only_if_it_may_be_sent_again() -> None:
    queue = queue_of(3)
    taken, blocked, wrong = queue
    rejected = tuple(
        {"entity": c["entity"], "offline_id": c["offline_id"], "reason": reason, "detail": {}, "retryable": again}
        for c, reason, again in ((blocked, "blocked", True), (wrong, "validation_error", False))
    )
    with scripted(answer(taken, rejected=rejected)) as script, SyncClient(script.url, "token") as client:
        queue.send(client)

    assert list(queue) == [blocked]


def test_a_problem_says_what_the_server_said() -> None:
    with (
        scripted(problem(422, "policy_unknown")) as script,
        SyncClient(script.url, "token") as client,
        pytest.raises(InvalidRequestError) as caught,
    ):
        client.put_policy("*", "coin_toss")

    assert (caught.value.status, caught.value.code, caught.value.detail) == (422, "policy_unknown", "not now")
    assert len(script.seen) == 1


def test_a_new_token_is_asked_for_once() -> None:
    numbers = count(1)
    with (
        scripted(problem(401, "token_expired"), problem(401, "token_expired")) as script,
        SyncClient(script.url, lambda: f"token-{next(numbers)}", retry=QUICK) as client,
        pytest.raises(UnauthorizedError),
    ):
        client.entity_types()

    assert [seen.headers["authorization"] for seen in script.seen] == ["Bearer token-1", "Bearer token-2"]


def test_only_bodies_worth_it_are_compressed() -> None:
    small, large = queue_of(1), queue_of(20)
    with scripted(answer(*small), answer(*large)) as script, SyncClient(script.url, "token") as client:
        small.send(client)
        client.push("tablet", list(large))

    assert [seen.headers.get("content-encoding") for seen in script.seen] == [None, "gzip"]
    assert script.seen[1].body["changes"] == list(large)


def test_what_json_cannot_say_never_enters_the_queue() -> None:
    queue = ChangeQueue("tablet")

    with pytest.raises(ValueError, match="JSON"):
        queue.add("task", "update", {"hours": float("nan")})

    assert len(queue) == 0


def test_the_client_needs_httpx_and_nothing_else_of_ours() -> None:
    code = (
        "import sys, foresync.client as c; "
        "ours = {'typer', 'fastapi', 'pyarrow', 'web', 'sync_api', 'foresync.replay', 'foresync.cli'}; "
        "sys.exit(str(ours & set(sys.modules)) if ours & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
