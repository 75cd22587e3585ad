"""The client of Dagster's API against a webserver that comes and goes: asked again where that is harmless only."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from foresync import dagster_client
from foresync.dagster_client import DagsterClient, DagsterError
from foresync.demo.pipeline import summarise

GROUPS = {"assetNodes": [{"assetKey": {"path": ["raw", "sync_log"]}, "groupName": "ingest"}]}
REPOSITORIES = {
    "repositoriesOrError": {
        "__typename": "RepositoryConnection",
        "nodes": [{"name": "__repository__", "location": {"name": "foresync"}, "jobs": [{"name": "main_job"}]}],
    }
}


class Webserver(ThreadingHTTPServer):
    """Answers with the next of `answers`: a status, or the data of a query; remembers what it was asked."""

    answers: list[int | dict]
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Webserver

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
        self.server.asked.append("mutation" if "mutation" in question else "query")
        answer = self.server.answers.pop(0)
        self.send_response(answer if isinstance(answer, int) else 200)
        self.end_headers()
        self.wfile.write(b"" if isinstance(answer, int) else json.dumps({"data": answer}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def webserver() -> Iterator[Webserver]:
    server = Webserver(("127.0.0.1", 0), Handler)
    server.answers, server.asked = [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def client_of(server: Webserver) -> DagsterClient:
    return DagsterClient(f"http://127.0.0.1:{server.server_port}")


def test_a_question_is_asked_again_while_the_webserver_restarts(webserver: Webserver) -> None:
    webserver.answers += [503, 502, GROUPS]

    assert client_of(webserver).asset_groups() == {"raw/sync_log": "ingest"}
    assert webserver.asked == ["query"] * 3


def test_a_launch_that_was_perhaps_heard_is_not_sent_again(webserver: Webserver) -> None:
    webserver.answers += [REPOSITORIES, 502, {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "2"}}}]

    with pytest.raises(DagsterError, match="does not answer"):
        client_of(webserver).launch("main_job", {})
    assert webserver.asked == ["query", "mutation"]


def test_a_webserver_that_stays_away_is_given_up(webserver: Webserver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dagster_client, "PATIENCE_SECONDS", 0)
    webserver.answers += [503]

    with pytest.raises(DagsterError, match="does not answer"):
        client_of(webserver).asset_groups()


def test_a_run_is_watched_to_its_end_and_summed_up_by_stage(webserver: Webserver) -> None:
    events = [
        {"__typename": "ExecutionStepStartEvent", "stepKey": "raw", "timestamp": "1000"},
        {
            "__typename": "MaterializationEvent",
            "stepKey": "raw",
            "timestamp": "2000",
            "assetKey": {"path": ["raw", "sync_log"]},
            "metadataEntries": [{"label": "dagster/row_count", "intValue": 7}],
        },
        {"__typename": "ExecutionStepSuccessEvent", "stepKey": "raw", "timestamp": "4000"},
        {
            "__typename": "AssetCheckEvaluationEvent",
            "stepKey": "counting",
            "timestamp": "4500",
            "evaluation": {"checkName": "rows", "success": False, "assetKey": {"path": ["raw", "sync_log"]}},
        },
    ]
    log = {"__typename": "EventConnection", "cursor": "c", "hasMore": False, "events": events}
    nothing_new = log | {"events": []}
    webserver.answers += [
        {"runOrError": {"status": "STARTED"}, "logsForRun": log},
        {"runOrError": {"status": "SUCCESS"}, "logsForRun": nothing_new},
    ]

    stages = summarise(client_of(webserver).watch("1", poll_seconds=0), {"raw/sync_log": "ingest"})

    ingest = stages["ingest"]
    assert (ingest.rows, ingest.seconds, ingest.checks_passed, ingest.checks_failed) == (7, 3.0, 0, 1)


def test_a_run_that_fails_says_why(webserver: Webserver) -> None:
    failure = {"__typename": "ExecutionStepFailureEvent", "stepKey": "raw", "error": {"message": "no such table"}}
    log = {"__typename": "EventConnection", "cursor": "c", "hasMore": False, "events": [failure]}
    webserver.answers += [{"runOrError": {"status": "FAILURE"}, "logsForRun": log}]

    with pytest.raises(DagsterError, match="no such table"):
        list(client_of(webserver).watch("1"))
