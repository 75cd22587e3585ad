"""The prediction server: what is started, in what order, and how it ends."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from serving import database, operations, routes
from serving.metrics import Metrics
from serving.model_cache import ModelCache
from serving.model_store import ModelStore
from serving.prediction_log import PredictionLog
from serving.predictor import Predictor
from serving.registry import Registry
from serving.settings import Settings
from serving.state import State
from web import middleware, problems, process, tracing
from web.shortcuts import Shortcuts, past

MAX_BODY = 2 * 1024 * 1024


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; settings come from the environment unless given. Raises when a secret is missing."""
    chosen = settings or Settings()

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with running(chosen) as state:
            yield state

    app = FastAPI(
        title="Foresync predictions",
        summary="How likely an edit is to end in a sync conflict, asked before it happens.",
        lifespan=lifespan,
    )
    app.state.jwt_secret = chosen.jwt_secret.get_secret_value()
    problems.install(app)
    router = routes.router()
    app.include_router(router)
    app.add_middleware(Shortcuts, ways=past((router, routes.predict, routes.predict_shortly)))
    app.include_router(operations.router)
    middleware.install(app, max_body_bytes=MAX_BODY)
    tracing.install(app, "foresync-serving")
    return app


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[State]:
    """Everything that lives as long as the server: connections, the model and its follower, the log's writer."""
    metrics = Metrics()
    url = settings.database_url.get_secret_value()
    async with contextlib.AsyncExitStack() as stack:
        pool = database.open_pool(url, size=settings.connections)
        stack.push_async_callback(pool.close)
        models = await _models(settings, metrics, stack)
        log = await _log(settings, metrics, stack)
        predictor = Predictor(
            pool, models, log, metrics, _arm_key(settings), settings.withhold_share, settings.connections
        )
        process.collect_seldom()
        yield State(pool=pool, models=models, metrics=metrics, predictor=predictor)


async def _models(settings: Settings, metrics: Metrics, stack: contextlib.AsyncExitStack) -> ModelStore:
    registry = None
    if settings.tracking_uri:
        password = settings.tracking_password.get_secret_value() if settings.tracking_password else None
        registry = Registry(str(settings.tracking_uri), settings.tracking_username, password)
        stack.push_async_callback(registry.close)
    models = ModelStore(ModelCache(settings.model_cache), registry, metrics, settings.model_poll)
    await asyncio.to_thread(models.start_from_cache)
    follower = asyncio.create_task(models.follow())
    stack.push_async_callback(_end, follower)
    return models


async def _log(settings: Settings, metrics: Metrics, stack: contextlib.AsyncExitStack) -> PredictionLog:
    pool = database.open_pool(settings.database_url.get_secret_value(), size=1)
    stack.push_async_callback(pool.close)
    log = PredictionLog(pool, metrics, settings.log_buffer)
    writer = asyncio.create_task(log.write())
    stack.push_async_callback(log.drain, writer)
    return log


def _arm_key(settings: Settings) -> bytes:
    """The same in every worker and after every restart, and known to no client."""
    return hashlib.sha256(b"withheld warnings\0" + settings.jwt_secret.get_secret_value().encode()).digest()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
