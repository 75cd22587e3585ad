"""`GET|PUT /policies/{entity}`; `*` is the tenant's default for every entity type."""

import json
from datetime import datetime
from typing import Annotated, Literal

import asyncpg
from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from sync_api import openapi
from sync_api.db.session import Connection, as_tenant, retried
from sync_api.policies import store
from sync_api.push.service import Engine
from sync_api.rules import EVERY_TYPE, Rules
from web.auth import Caller, caller
from web.problems import Problem

router = APIRouter(prefix="/api/v1/policies", tags=["policies"])

Strategy = Literal[
    "client_wins", "server_wins", "most_recent_wins", "preserve_escalation", "field_merge", "append_only", "manual"
]
Rule = Literal["set_merge", "true_wins", "monotonic", "max", "min", "last_write_wins", "manual"]
Entity = Annotated[str, Path(max_length=64, pattern=r"^(\*|[a-z][a-z0-9_]*)$", description="An entity type, or `*`.")]

PROBLEMS = openapi.PROBLEMS | openapi.problems({404: "There is no such entity type, or no default policy."})


class PolicyIn(BaseModel):
    """How collisions are to be settled."""

    model_config = ConfigDict(extra="forbid")

    strategy: Strategy = Field(examples=["client_wins"])
    field_rules: dict[str, Rule] = Field(default_factory=dict, description="field → rule, above the type's own")
    auto_resolve: bool = Field(True, description="false: every collision waits for a person")
    mode: Literal["enforce", "shadow"] = Field("enforce", description="shadow: only log what would have happened")


class PolicyOut(PolicyIn):
    """The policy in force. version: null for a shipped default."""

    entity: str
    source: Literal["tenant", "tenant_default", "shipped"]
    version: int | None
    updated_by: str | None = None
    updated_at: datetime | None = None


@router.get("/{entity}", operation_id="get_policy", responses=PROBLEMS)
async def get_policy(request: Request, entity: Entity, who: Annotated[Caller, Depends(caller("sync"))]) -> PolicyOut:
    """The policy that a collision on this entity type would meet."""
    engine: Engine = request.app.state.engine

    async def attempt() -> PolicyOut:
        async with as_tenant(engine.pool, who.tenant) as connection:
            rules = await _rules(engine, connection, who.tenant)
            _must_know(rules, entity)
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
            _must_know(await _rules(engine, connection, who.tenant), entity)
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


async def _rules(engine: Engine, connection: Connection, tenant: str) -> Rules:
    version = await store.config_version(connection, tenant)
    if version is None:
        raise Problem(403, "unknown_tenant", "There is no such tenant", f"{tenant!r} has not been made here")
    return await engine.rules.get(connection, tenant, version)


def _must_know(rules: Rules, entity: str) -> None:
    if entity != EVERY_TYPE and entity not in rules.types:
        raise Problem(404, "unknown_entity", "There is no such entity type", entity)


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
