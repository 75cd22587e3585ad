"""Traces of both servers: OpenTelemetry, set up by its own standard environment variables and by nothing else.

Behind the extra `otel`. Where no address of a collector is set, nothing of it is imported and no request costs more.
Spans hold routes, addresses and statements, never the values that statements are given, nor bodies.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import logs

logger = logging.getLogger("foresync.web")

ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
NOT_TRACED = "healthz,readyz,metrics"


def install(app: FastAPI, service: str) -> None:
    """Trace `app` and its statements if the environment says where to; `service` is its name unless that does, too."""
    if not is_asked_for(os.environ):
        return
    try:
        provider = _exporting(service)
    except ImportError:
        logger.warning("traces are asked for, but the extra `otel` is not installed")
        return
    trace(app, provider)


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """Whether the standard variables name a collector and do not turn traces off."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_off |= environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp"
    return not is_off and any(environment.get(name) for name in ADDRESSES)


def trace(app: FastAPI, provider: Any) -> None:
    """Give every request and every statement of `app`'s process a span of `provider`, a TracerProvider of the SDK."""
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    # a span for each part of a body or of an answer tells nothing, and doubles the cost
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, excluded_urls=NOT_TRACED, exclude_spans=["receive", "send"]
    )
    app.add_middleware(NamedSpan)
    statements: Any = AsyncPGInstrumentor
    if not statements().is_instrumented_by_opentelemetry:
        statements().instrument(tracer_provider=provider)
    served = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def sent_at_the_end(app: FastAPI) -> AsyncIterator[Any]:
        async with served(app) as state:
            yield state
        await asyncio.to_thread(provider.shutdown)  # a worker's own exit runs no hooks

    app.router.lifespan_context = sent_at_the_end


class NamedSpan:
    """Names a request's span by the route that it found. The instrumentation looks for it at the request's own path
    and knows no prefixes of routers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from opentelemetry.trace import get_current_span

        span = get_current_span()

        async def name(message: Message) -> None:
            if message["type"] == "http.response.start" and (route := logs.route_of(scope)):
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
            await send(message)

        await self.app(scope, receive, name)


def _exporting(service: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": service}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
