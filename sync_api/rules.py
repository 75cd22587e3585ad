"""What holds for one tenant: its entity types (the shipped ones and its own) and its conflict policies.

Read once and kept until the tenant's `config_version` says otherwise; every push brings the current number along,
so that a change of policy holds from the next push on, on every server.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from sync_api.db.session import Connection, Unbegun
from sync_api.engine.declarations import parse
from sync_api.engine.entity_types import EntityType, Policy

EVERY_TYPE = "*"


@dataclass(frozen=True, slots=True)
class Rules:
    """Types and policies of a tenant as of one config_version."""

    config_version: int
    types: Mapping[str, EntityType]
    policies: Mapping[str, Policy]

    def policy(self, kind: EntityType) -> Policy:
        """The tenant's policy for the type, else the tenant's own default, else the type's."""
        return self.policies.get(kind.name) or self.policies.get(EVERY_TYPE) or kind.policy


@cache
def shipped() -> Mapping[str, EntityType]:
    """The registry that comes with the package."""
    text = resources.files("sync_api.entity_types").joinpath("shipped.json").read_text("utf-8")
    return {name: parse(name, declaration) for name, declaration in json.loads(text).items()}


class RulesCache:
    """The rules of the tenants that this process has lately served."""

    LIMIT = 1000

    def __init__(self) -> None:
        self._known: dict[str, Rules] = {}

    async def get(self, connection: Connection | Unbegun, tenant: str, config_version: int) -> Rules:
        """The rules as of `config_version`, read through `connection` (in the tenant's transaction) when not known."""
        known = self._known.get(tenant)
        if known is None or known.config_version != config_version:
            known = await read(connection, config_version)
            if len(self._known) >= self.LIMIT:
                self._known.pop(next(iter(self._known)))
            self._known[tenant] = known
        return known


async def read(connection: Connection | Unbegun, config_version: int) -> Rules:
    """The rules of the transaction's tenant."""
    own = await connection.fetch("SELECT entity_type, declaration::text FROM sync.tenant_entity_type")
    policies = await connection.fetch(
        """SELECT DISTINCT ON (entity_type) entity_type, version, strategy, field_rules::text, auto_resolve, mode
           FROM sync.tenant_conflict_policy ORDER BY entity_type, version DESC"""
    )
    return Rules(
        config_version,
        {**shipped(), **{row[0]: parse(row[0], json.loads(row[1])) for row in own}},
        {row[0]: Policy(row[2], json.loads(row[3]), row[4], row[5], row[1]) for row in policies},
    )
