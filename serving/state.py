"""What the application holds while it runs, and how a route gets at it."""

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from serving import database
from serving.metrics import Metrics
from serving.model_store import ModelStore
from serving.predictor import Predictor


class State(TypedDict):
    """Handed out by the lifespan; every request sees it as `request.state`."""

    pool: database.Pool
    models: ModelStore
    metrics: Metrics
    predictor: Predictor


# async, though they wait for nothing: FastAPI hands a plain function to a thread, which costs more than the model does
async def _pool(request: Request) -> database.Pool:
    return cast("database.Pool", request.state.pool)


async def _models(request: Request) -> ModelStore:
    return cast(ModelStore, request.state.models)


async def _metrics(request: Request) -> Metrics:
    return cast(Metrics, request.state.metrics)


PoolDep = Annotated[database.Pool, Depends(_pool)]
ModelsDep = Annotated[ModelStore, Depends(_models)]
MetricsDep = Annotated[Metrics, Depends(_metrics)]
