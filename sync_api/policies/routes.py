"""`/policies/{entity}`: look, set, look back, try out. `*` is the tenant's default for every entity type."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import asyncpg
import msgspec
import orjson
from fastapi import APIRouter, Depends, Request, Response

from sync_api import bodies, openapi
from sync_api.conflicts import cursor
from sync_api.db.session import as_tenant, retried
from sync_api.engine import clock
from sync_api.engine.entity_types import Policy
from sync_api.policies import service, store
from sync_api.policies.schemas import DryRunDoc, DryRunOut, Entity, PolicyIn, PolicyOut, PolicyVersions, Rule, Strategy
from sync_api.push import decode
from sync_api.push.schemas import Moment
from sync_api.push.service import Engine
from sync_api.rules import EVERY_TYPE
from web.auth import Caller, caller
from web.problems import Problem

router = APIRouter(prefix="/api/v1/policies", tags=["policies"])

MAX_VERSIONS = 200
A_MONTH = timedelta(days=30)
PROBLEMS = openapi.PROBLEMS | openapi.problems({404: "There is no such entity type, or no default policy."})


class DryRunIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy to be tried."""

    strategy: Strategy
    field_rules: dict[str, Rule] = {}
    since: Moment | None = None
    after: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 1000


_dry_run = msgspec.json.Decoder(DryRunIn)


@router.get("/{entity}", operation_id="get_policy", responses=PROBLEMS)
async def get_policy(request: Request, entity: Entity, who: Annotated[Caller, Depends(caller("sync"))]) -> PolicyOut:
    """The policy that a collision on this entity type would meet."""
    engine: Engine = request.app.state.engine

    async def attempt() -> PolicyOut:
        async with as_tenant(engine.pool, who.tenant) as connection:
            rules = await service.rules(engine, connection, who.tenant)
            service.must_know(rules, entity)
            if row := await store.newest(connection, entity):
                return _told(entity, row, "tenant")
            if row := await store.newest(connection, EVERY_TYPE):
                return _told(entity, row, "tenant_default")
        if entity == EVERY_TYPE:
            raise Problem(404, "policy_not_found", "The tenant has no default policy", "each type's own holds")
        strategy = rules.types[entity].policy.strategy
        return PolicyOut.model_validate({"entity": entity, "source": "shipped", "version": None, "strategy": strategy})

    return await retried(attempt)


@router.put("/{entity}", operation_id="put_policy", responses=PROBLEMS)
async def put_policy(
    request: Request, entity: Entity, policy: PolicyIn, who: Annotated[Caller, Depends(caller("admin"))]
) -> PolicyOut:
    """Set a new version of the policy. It holds from the next push on."""
    engine: Engine = request.app.state.engine

    async def attempt() -> PolicyOut:
        async with as_tenant(engine.pool, who.tenant) as connection:
            service.must_know(await service.rules(engine, connection, who.tenant), entity)
            row = await store.add(
                connection,
                who.tenant,
                entity,
                strategy=policy.strategy,
                field_rules=dict(policy.field_rules),
                auto_resolve=policy.auto_resolve,
                mode=policy.mode,
                user=who.user,
            )
            return _told(entity, row, "tenant")

    return await retried(attempt)


@router.get(
    "/{entity}/history",
    operation_id="get_policy_history",
    responses=PROBLEMS,
)
async def get_policy_history(
    request: Request, entity: Entity, who: Annotated[Caller, Depends(caller("sync"))]
) -> PolicyVersions:
    """The versions that the tenant has set for exactly this name, newest first, the latest 200."""
    engine: Engine = request.app.state.engine

    async def attempt() -> PolicyVersions:
        async with as_tenant(engine.pool, who.tenant) as connection:
            service.must_know(await service.rules(engine, connection, who.tenant), entity)
            rows = await store.versions(connection, entity, MAX_VERSIONS)
            return PolicyVersions(versions=[_told(entity, row, "tenant") for row in rows])

    return await retried(attempt)


@router.post(
    "/{entity}/dry-run",
    operation_id="dry_run_policy",
    response_model=DryRunOut,
    responses=PROBLEMS,
    openapi_extra=openapi.body(DryRunDoc),
)
async def dry_run_policy(
    request: Request, entity: Entity, who: Annotated[Caller, Depends(caller("admin"))]
) -> Response:
    """What another policy would have made of the conflicts of the last month. Changes nothing."""
    asked = bodies.decode(_dry_run, await request.body())
    if complaint := decode.complaint(asked.field_rules):
        raise bodies.invalid(f"field_rules: {complaint}")
    page = service.Page(
        clock.storable(asked.since or datetime.now(UTC) - A_MONTH), cursor.place(asked.after), asked.limit
    )
    policy = Policy(asked.strategy, dict(asked.field_rules))
    told = await service.try_out(request.app.state.engine, who.tenant, entity, policy, page)
    return Response(orjson.dumps(told), media_type="application/json")


def _told(entity: str, row: asyncpg.Record, source: str) -> PolicyOut:
    return PolicyOut.model_validate(
        {
            "entity": entity,
            "source": source,
            "version": row["version"],
            "strategy": row["strategy"],
            "field_rules": json.loads(row["field_rules"]),
            "auto_resolve": row["auto_resolve"],
            "mode": row["mode"],
            "updated_by": row["created_by"],
            "updated_at": row["created_at"],
        }
    )
