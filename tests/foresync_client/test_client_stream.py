"""The client hears what the server says, and whatever breaks in between."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner

from foresync.cli import app
from foresync.client import ForbiddenError, Retry, StreamEvent, SyncClient, UnauthorizedError, UnreachableError
from foresync.client.stream import LONGEST_LINE, decode
from tests.replay.conftest import Tenant
from web.auth import mint

QUICK = Retry(attempts=3, first=0.001, longest=0.001)
POKE = b'id: 7\nevent: poke\ndata: {"head": 7}\n\n'


@contextmanager
def streams(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that answers each request with the next of these and hangs up; the headers that it was sent."""
    left, seen = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
            status, body = left.pop(0) if left else (200, b"")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_broken_stream_is_opened_again_from_where_it_broke() -> None:
    later = b'id: 9\nevent: news\ndata: {}\n\nevent: end\ndata: {"reason": "draining"}\n\n'
    answers = [(200, POKE + b"event: poke\nda"), (503, b""), (200, later), (200, POKE)]
    with streams(*answers) as (url, seen), SyncClient(url, "token", retry=QUICK) as client:
        told = client.listen(5, epoch="e")
        assert [next(told) for _ in range(3)] == [
            StreamEvent("poke", {"head": 7}, 7),
            StreamEvent("news", {}, 9),
            StreamEvent("poke", {"head": 7}, 7),
        ]
    assert {one["path"] for one in seen} == {"/api/v1/sync/stream?since=5&epoch=e"}
    assert [one.get("last-event-id") for one in seen] == [None, "7", "7", "9"]


def test_a_stream_that_says_nothing_again_and_again_is_given_up() -> None:
    with streams((200, POKE)) as (url, seen), SyncClient(url, "token", retry=QUICK) as client:
        told = client.listen()
        assert next(told).event == "poke"
        with pytest.raises(UnreachableError):
            next(told)
    assert len(seen) == 3


def test_a_token_that_has_run_out_is_followed_by_another_once() -> None:
    tokens = iter(["old", "new", "newer", "newest"])
    answers = [(401, b""), (200, POKE), (401, b""), (401, b"")]
    with streams(*answers) as (url, seen), SyncClient(url, lambda: next(tokens), retry=QUICK) as client:
        told = client.listen()
        assert next(told).event == "poke"
        with pytest.raises(UnauthorizedError):
            next(told)
    assert [one["authorization"].split()[1] for one in seen] == ["old", "new", "newer", "newest"]
    with streams((401, b"")) as (url, seen), SyncClient(url, "fixed", retry=QUICK) as fixed:
        told = fixed.listen()
        with pytest.raises(UnauthorizedError):
            next(told)
    assert len(seen) == 1


def test_what_is_no_event_is_refused_within_bounds() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    with pytest.raises(UnreachableError):
        list(decode(endless()))
    with pytest.raises(UnreachableError):
        list(decode([b"data: [1]\n\n"]))
    pieces = [POKE[n : n + 1] for n in range(len(POKE))]
    assert [event for event in decode([b": \n\n", *pieces]) if event] == [StreamEvent("poke", {"head": 7}, 7)]
    assert len(json.dumps({"conflict_id": "x" * 36, "server_id": "x" * 200})) < LONGEST_LINE


def test_the_client_hears_a_real_server_and_pulls_in_between(tenant: Tenant, jwt_secret: str) -> None:
    with SyncClient(tenant.url, tenant.token) as client:
        since = client.changes().next
        told = client.listen(since)
        change = {"entity": "doc", "op": "create", "offline_id": "o1", "server_id": "e1", "data": {}}
        client.push("desk", [change])
        poke = next(told)
        page = client.changes(since)
    assert (poke.event, poke.data) == ("poke", {"head": page.next})
    assert [one.server_id for one in page.changes] == ["e1"]
    predictor = mint(jwt_secret, tenant=tenant.name, user="u", scopes=("predict",), expires_in=timedelta(minutes=5))
    with SyncClient(tenant.url, predictor) as client, pytest.raises(ForbiddenError):
        next(client.listen())


def test_the_command_prints_a_line_an_event_and_says_plainly_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("foresync.client.sync.Retry", lambda: QUICK)
    warning = b'id: 8\nevent: warning\ndata: {"edit_id": "e", "warning_message": "Talk first."}\n\n'
    with streams((200, POKE + warning)) as (url, _):
        done = CliRunner().invoke(app, ["watch", "--tenant", "t", "--user", "ann", "--url", url, "--token", "x"])
    assert done.output.splitlines() == [
        'poke {"head": 7}',
        'warning {"edit_id": "e", "warning_message": "Talk first."}',
    ]
    assert "stream" in str(done.exception)
