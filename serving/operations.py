"""For those who keep the server running: alive, able, counted, and which model answers."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from runtime import Manifest
from serving import database
from serving.model_store import Loaded, ModelStore
from serving.state import MetricsDep, ModelsDep, PoolDep
from web import connections
from web.problems import Problem

router = APIRouter(tags=["operations"])


class ModelInfo(BaseModel):
    """The model that answers, and the one that was refused, if any."""

    version: str | None = Field(description="The registered version; null while there is none.", examples=["7"])
    origin: str | None = Field(description="Where it was loaded from: `registry` or `cache`.", examples=["registry"])
    loaded_at: datetime | None = Field(description="Since when it answers.", examples=["2026-01-01T00:00:00Z"])
    manifest: dict[str, Any] | None = Field(description="Type, features, thresholds, metrics, file digests.")
    push: dict[str, Any] | None = Field(
        description="The same of what the version answers about whole pushes with; null where it does not."
    )
    refused: dict[str, Any] | None = Field(description="The champion that could not be loaded, and why.")
    registry_reachable: bool | None = Field(description="The last look at the registry; null: none yet.")


@router.get("/healthz", operation_id="healthz")
async def healthz() -> dict[str, str]:
    """Alive: the process answers."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="readyz", responses={503: {"description": "Not able, and why"}})
async def readyz(pool: PoolDep, models: ModelsDep) -> Response:
    """Able: PostgreSQL can be asked. Without a champion the server is able, and says so."""
    reasons = []
    try:
        async with database.connection(pool) as connection:
            await connection.fetchval("SELECT 1")
    except Problem as problem:
        reasons.append(f"{problem.code}: {problem.__cause__!r}")
    body = {
        "status": "unavailable" if reasons else "ready",
        "reasons": reasons,
        "model": models.current.version.number if models.current else None,
        "notes": _notes(models),
    }
    headers = {"Retry-After": str(connections.RETRY_AFTER)} if reasons else None
    return JSONResponse(body, status_code=503 if reasons else 200, headers=headers)


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}},
)
async def metrics(counted: MetricsDep) -> Response:
    """Counters and histograms for Prometheus: of all workers, whichever answers."""
    return Response(counted.exposed(), media_type=CONTENT_TYPE_LATEST)


@router.get("/model", operation_id="model", response_model=ModelInfo)
async def model(models: ModelsDep) -> dict[str, Any]:
    """Which model answers, what it wants to see, how good it was found."""
    refused = models.refused
    return {
        **_loaded(models.current),
        "refused": refused and {"version": refused.version.number, "reason": refused.reason, "at": refused.at},
        "registry_reachable": models.registry_reachable,
    }


def _loaded(current: Loaded | None) -> dict[str, Any]:
    if current is None:
        return {"version": None, "origin": None, "loaded_at": None, "manifest": None, "push": None}
    manifest = current.model.manifest
    return {
        "version": current.version.number,
        "origin": current.origin,
        "loaded_at": current.loaded_at,
        "manifest": _public(manifest),
        "push": current.push and _public(current.push.manifest),
    }


def _public(manifest: Manifest) -> dict[str, Any]:
    """Without whom it was trained on: anybody may ask, and no tenant learns that another exists."""
    return {name: value for name, value in manifest.as_dict().items() if name != "trained_tenants"}


def _notes(models: ModelStore) -> list[str]:
    notes = []
    if models.current is None:
        notes.append("there is no champion: every risk is unknown")
    if models.refused:
        notes.append(f"version {models.refused.version.number} was refused: {models.refused.reason}")
    if models.registry_reachable is False:
        notes.append("the model registry is away: the last good model answers")
    return notes
