"""Traces come out where they are asked for, a request and its statement in one; else nothing of them is there."""

import http.server
import logging
import sys
import threading

import pytest
from fastapi import FastAPI
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serving.app import create_app
from tests.serving.models import cached
from tests.serving.running import serve
from web import tracing


@pytest.fixture(autouse=True)
def untraced_afterwards():
    yield
    if AsyncPGInstrumentor().is_instrumented_by_opentelemetry:
        AsyncPGInstrumentor().uninstrument()


async def test_a_request_and_its_statement_are_one_trace(settings, tmp_path):
    cached(tmp_path / "cache")
    app, kept, provider = create_app(settings()), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.trace(app, provider)
    async with serve(settings(), app) as server:
        await server.ask(entity_id="private", user="ann")
        await server.get("/healthz")
        spans = kept.get_finished_spans()
    requests = [span for span in spans if span.kind.name == "SERVER"]
    assert [span.name for span in requests] == ["POST /api/ml/predict-conflict"]
    [statement] = [span for span in spans if "sync.online_features" in str(span.attributes)]
    assert statement.context.trace_id == requests[0].context.trace_id
    assert "private" not in str([span.attributes for span in spans])


async def test_they_are_sent_to_the_collector_that_the_environment_names(settings, tmp_path, monkeypatch):
    cached(tmp_path / "cache")
    with collector() as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        async with serve(settings()) as server:
            await server.ask()
    [(path, body)] = received
    assert path == "/v1/traces"
    assert b"foresync-serving" in body and b"POST /api/ml/predict-conflict" in body


def test_without_the_extra_the_server_goes_without(monkeypatch, settings, caplog):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with caplog.at_level(logging.WARNING, "foresync.web"):
        create_app(settings())
    assert "the extra `otel` is not installed" in caplog.text


def test_where_nobody_asks_nothing_is_set_up(monkeypatch):
    monkeypatch.setattr(tracing, "_exporting", lambda _: pytest.fail("it was set up"))
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    tracing.install(FastAPI(), "nothing")


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_decide(environment, asked):
    assert tracing.is_asked_for(environment) is asked


class collector:  # noqa: N801 - reads as the context manager that it is
    """Takes what is posted: its address, and what came as (path, body)."""

    def __enter__(self):
        self.received: list[tuple[str, bytes]] = []
        received = self.received

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}", self.received

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
