"""`GET /entity-types`, `PUT /entity-types/{name}`: what a tenant may push."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Request
from pydantic import BaseModel, Field

from sync_api import openapi
from sync_api.db.session import as_tenant, retried
from sync_api.engine.declarations import DeclarationError, check_known, parse
from sync_api.engine.entity_types import EntityType, Policy
from sync_api.engine.json_schema import json_schema
from sync_api.engine.values import Json
from sync_api.policies import store as policies
from sync_api.push.decode import is_storable
from sync_api.push.service import Engine
from sync_api.rules import shipped
from sync_api.tenancy import config_version
from web.auth import Caller, caller
from web.problems import Problem

router = APIRouter(prefix="/api/v1/entity-types", tags=["entity types"])

PUT = """
INSERT INTO sync.tenant_entity_type (tenant_id, entity_type, declaration, updated_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, entity_type) DO UPDATE SET
  declaration = excluded.declaration, updated_by = excluded.updated_by, updated_at = now()
"""


class EntityTypeOut(BaseModel):
    """An entity type as it is declared."""

    name: str
    source: Literal["shipped", "tenant"]
    policy: str = Field(description="How collisions are settled unless the tenant says otherwise.")
    fields: dict[str, Any]
    strict: bool = Field(description="Whether a field that is not declared is refused.")
    status_field: str | None
    transitions: dict[str, list[str]]
    json_schema: dict[str, Any] = Field(description="JSON Schema, draft 2020-12, of the `data` of a new record.")


class EntityTypesOut(BaseModel):
    """Every type that the tenant may push."""

    entity_types: list[EntityTypeOut]


@router.get("", operation_id="list_entity_types", responses=openapi.PROBLEMS)
async def list_entity_types(request: Request, who: Annotated[Caller, Depends(caller("sync"))]) -> EntityTypesOut:
    """The shipped types and the tenant's own."""
    engine: Engine = request.app.state.engine

    async def attempt() -> EntityTypesOut:
        async with as_tenant(engine.pool, who.tenant) as connection:
            rules = await engine.rules.get(connection, who.tenant, await config_version(connection, who.tenant))
        return EntityTypesOut(entity_types=[_told(kind, rules.policy(kind)) for _, kind in sorted(rules.types.items())])

    return await retried(attempt)


@router.put("/{name}", operation_id="put_entity_type", responses=openapi.PROBLEMS)
async def put_entity_type(
    request: Request,
    name: Annotated[str, Path(max_length=64)],
    declaration: Annotated[
        dict[str, Any],
        Body(examples=[{"policy": "client_wins", "fields": {"tags": {"type": "list", "rule": "set_merge"}}}]),
    ],
    who: Annotated[Caller, Depends(caller("admin"))],
) -> EntityTypeOut:
    """Declare a type, or replace the tenant's declaration of it. It holds from the next push on."""
    kind = _parsed(name, declaration)
    engine: Engine = request.app.state.engine

    async def attempt() -> Policy:
        async with as_tenant(engine.pool, who.tenant) as connection:
            rules = await engine.rules.get(connection, who.tenant, await config_version(connection, who.tenant))
            _check_known(kind, {name, *rules.types})
            await connection.execute(PUT, who.tenant, name, json.dumps(declaration), who.user)
            await policies.raise_config_version(connection, who.tenant)
            return rules.policy(kind)

    return _told(kind, await retried(attempt))


def _parsed(name: str, declaration: dict[str, Json]) -> EntityType:
    if not is_storable(json.dumps(declaration, ensure_ascii=False)) or "\\u0000" in json.dumps(declaration):
        raise _bad("a character that cannot be stored")
    try:
        return parse(name, declaration)
    except DeclarationError as bad:
        raise _bad(str(bad)) from bad


def _check_known(kind: EntityType, names: set[str]) -> None:
    try:
        check_known(kind, names)
    except DeclarationError as bad:
        raise _bad(f"{bad}; declare it first") from bad


def _bad(why: str) -> Problem:
    return Problem(422, "bad_declaration", "The declaration is not valid", why)


def _told(kind: EntityType, policy: Policy) -> EntityTypeOut:
    return EntityTypeOut(
        name=kind.name,
        source="shipped" if shipped().get(kind.name) == kind else "tenant",
        policy=kind.policy.strategy,
        fields={
            name: {
                "type": field.type,
                "rule": field.rule,
                "safety": field.safety,
                "required": field.required,
                "references": kind.references.get(name),
            }
            for name, field in kind.fields.items()
        },
        strict=kind.strict,
        status_field=kind.status_field,
        transitions={before: list(after) for before, after in kind.transitions.items()},
        json_schema=json_schema(kind, policy),
    )
