"""`/sync/dashboard`, `/sync/device-health`, `/sync/snapshot/…`: scope operate. The same under `/api/sync`."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request

from sync_api import openapi
from sync_api.analytics import store
from sync_api.analytics.dagster import Dagster, Run
from sync_api.analytics.schemas import Bucket, Dashboard, DeviceHealth, DeviceHealthPage, SnapshotRun
from sync_api.bodies import invalid
from sync_api.db.session import as_tenant, retried
from sync_api.engine import clock
from sync_api.push.service import Engine
from sync_api.tenancy import config_version
from web.auth import Caller, caller
from web.problems import Problem

router = APIRouter(tags=["analytics"])

A_WEEK = timedelta(days=7)
LONGEST = {"hour": timedelta(days=31), "day": timedelta(days=400)}
PROBLEMS = openapi.problems(
    {
        401: "No valid token.",
        403: "The token or the tenant does not allow this.",
        422: "A parameter is not valid.",
        503: "Away or busy. Try again.",
    }
)
Operator = Annotated[Caller, Depends(caller("operate"))]
Moment = Annotated[datetime | None, Query()]


@router.get("/dashboard", operation_id="get_dashboard", responses=PROBLEMS)
async def dashboard(
    request: Request, who: Operator, since: Moment = None, until: Moment = None, bucket: Bucket = "hour"
) -> Dashboard:
    """Pushes, conflicts, bytes and devices over a window: the last seven days unless said otherwise; at most 31 days
    by hour, 400 by day."""
    until = _utc(until or datetime.now(UTC))
    since = _utc(since) if since else max(until, clock.FIRST + A_WEEK) - A_WEEK
    if not since < until:
        raise invalid("since: not before until")
    if until - since > LONGEST[bucket]:
        raise invalid(f"since: at most {LONGEST[bucket].days} days before until when told by {bucket}")
    engine: Engine = request.app.state.engine

    async def attempt() -> Dashboard:
        async with as_tenant(engine.pool, who.tenant) as connection:
            await config_version(connection, who.tenant)
            totals = dict(await store.totals(connection, who.tenant, since, until))
            return Dashboard.model_validate(
                {
                    "since": since,
                    "until": until,
                    "published_at": totals.pop("published_at"),
                    "totals": totals,
                    "periods": _rows(await store.series(connection, who.tenant, since, until, bucket)),
                    "by_entity": _rows(await store.by_entity_type(connection, who.tenant, since, until)),
                    "devices": dict(await store.devices(connection, who.tenant, since)),
                    "open_conflicts": await store.open_conflicts(connection, who.tenant),
                }
            )

    return await retried(attempt)


@router.get("/device-health", operation_id="get_device_health", responses=PROBLEMS)
async def device_health(
    request: Request,
    who: Operator,
    below: Annotated[float | None, Query(ge=0, le=101, description="Only devices with a lower score.")] = None,
    reason: Literal["failed_requests", "not_seen_lately", "many_conflicts"] | None = None,
    after: Annotated[str | None, Query(max_length=1000, description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeviceHealthPage:
    """Devices, the least healthy first, with what pulls their score down."""
    place = _place(after) if after else None
    engine: Engine = request.app.state.engine

    async def attempt() -> list[Any]:
        async with as_tenant(engine.pool, who.tenant) as connection:
            await config_version(connection, who.tenant)
            return await store.device_health(connection, who.tenant, below, reason, place, limit + 1)

    rows = await retried(attempt)
    page = [DeviceHealth.model_validate(dict(row) | {"reasons": orjson.loads(row["reasons"])}) for row in rows[:limit]]
    return DeviceHealthPage(devices=page, next=_cursor(page[-1]) if len(rows) > limit else None)


@router.post("/snapshot/create", status_code=202, operation_id="create_snapshot", responses=PROBLEMS)
async def create_snapshot(request: Request, who: Operator) -> SnapshotRun:
    """Have the dashboard's figures and the devices' health worked out anew. Answers at once; look at the run by its id
    to know when they are there."""
    await _check_tenant(request, who)
    dagster: Dagster = request.app.state.dagster
    return _told(dagster, await dagster.start({"foresync/tenant": who.tenant, "foresync/user": who.user}))


@router.get(
    "/snapshot/{run_id}",
    operation_id="get_snapshot_run",
    responses=PROBLEMS | openapi.problems({404: "There is no such run."}),
)
async def snapshot_run(request: Request, run_id: UUID, who: Operator) -> SnapshotRun:
    """How a run that was asked for is doing. One run works out every tenant's figures."""
    await _check_tenant(request, who)
    dagster: Dagster = request.app.state.dagster
    run = await dagster.look(str(run_id))
    if run is None:
        raise Problem(404, "run_not_found", "There is no such run", str(run_id))
    return _told(dagster, run)


async def _check_tenant(request: Request, who: Caller) -> None:
    engine: Engine = request.app.state.engine

    async def attempt() -> None:
        async with as_tenant(engine.pool, who.tenant) as connection:
            await config_version(connection, who.tenant)

    await retried(attempt)


def _told(dagster: Dagster, run: Run) -> SnapshotRun:
    url = f"{dagster.url}/runs/{run.run_id}"
    return SnapshotRun(run_id=run.run_id, status=run.status, is_new=run.is_new, url=url)


def _utc(at: datetime) -> datetime:
    return clock.storable(at if at.tzinfo else at.replace(tzinfo=UTC))


def _rows(rows: list[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]


def _cursor(last: DeviceHealth) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([last.score, last.device_id])).decode()


def _place(after: str) -> tuple[float, str]:
    try:
        score, device = orjson.loads(base64.urlsafe_b64decode(after.encode()))
        if not isinstance(device, str) or "\x00" in device:
            raise ValueError(device)
        return float(score), device
    except (ValueError, TypeError, binascii.Error) as error:
        raise invalid("after: not a place that this list has told") from error
