"""The sync server: `uvicorn sync_api.app:create_app --factory`. Puts the slices together, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

import sync_api.analytics.routes
import sync_api.check.routes
import sync_api.conflicts.routes
import sync_api.edits.routes
import sync_api.entity_types.routes
import sync_api.imports.routes
import sync_api.policies.routes
import sync_api.projects.routes
import sync_api.pull.routes
import sync_api.push.routes
import sync_api.stream.routes
from sync_api import health
from sync_api.analytics.dagster import Dagster
from sync_api.db.session import Months, open_pool
from sync_api.edits.risk import RiskServer
from sync_api.push.service import Engine
from sync_api.rules import RulesCache
from sync_api.settings import Settings
from sync_api.stream.hub import Hub, Limits
from sync_api.stream.stopping import when_stopped
from sync_api.warnings.watch import Watch
from web import middleware, problems, process, tracing
from web.shortcuts import Shortcuts, past

SMALLEST_COMPRESSED = 1024


def _limits(settings: Settings) -> Limits:
    return Limits(
        settings.api_streams,
        settings.api_streams_per_user,
        settings.api_stream_heartbeat_seconds,
        settings.api_stream_seconds,
    )


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. Settings come from the environment unless given."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = open_pool(settings.api_database_url, size=settings.api_pool_size)
        app.state.engine = Engine(pool, RulesCache(), Months())
        app.state.risk = RiskServer(settings.serving_url)
        app.state.dagster = Dagster(settings.dagster_url)
        watch = Watch(pool, app.state.risk, settings.jwt_secret)
        app.state.hub = hub = Hub(pool, _limits(settings), watch)
        process.collect_seldom()
        try:
            with when_stopped(hub.drain):
                yield
        finally:
            await hub.close()
            await app.state.risk.close()
            await app.state.dagster.close()
            await pool.close()

    app = FastAPI(
        title="Foresync sync API",
        summary="Takes offline changes, resolves conflicts by field, and remembers every decision.",
        version="1",
        lifespan=lifespan,
    )
    app.state.jwt_secret = settings.jwt_secret
    app.add_middleware(
        Shortcuts,
        ways=past(
            (sync_api.push.routes.router, sync_api.push.routes.push, sync_api.push.routes.push_shortly),
            (sync_api.pull.routes.router, sync_api.pull.routes.changes, sync_api.pull.routes.changes_shortly),
        ),
    )
    app.add_middleware(GZipMiddleware, minimum_size=SMALLEST_COMPRESSED, compresslevel=1)
    middleware.install(app, max_body_bytes=settings.api_max_body_bytes)
    problems.install(app)
    for slice_ in (  # what is asked most comes first: routes are tried in this order
        sync_api.push,
        sync_api.pull,
        sync_api.edits,
        sync_api.check,
        sync_api.stream,
        sync_api.imports,
        sync_api.policies,
        sync_api.entity_types,
        sync_api.conflicts,
        sync_api.projects,
    ):
        app.include_router(slice_.routes.router)
    app.include_router(sync_api.analytics.routes.router, prefix="/api/v1/sync")
    app.include_router(sync_api.analytics.routes.router, prefix="/api/sync", include_in_schema=False)
    app.include_router(health.router)
    tracing.install(app, "foresync-api")
    return app
