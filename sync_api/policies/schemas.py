"""Policies as they stand on the wire, and what a dry run answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sync_api.push import decode

Strategy = Literal[
    "client_wins", "server_wins", "most_recent_wins", "preserve_escalation", "field_merge", "append_only", "manual"
]
Rule = Literal["set_merge", "true_wins", "monotonic", "max", "min", "last_write_wins", "manual"]
Entity = Annotated[str, Path(max_length=64, pattern=r"^(\*|[a-z][a-z0-9_]*)$", description="An entity type, or `*`.")]


class PolicyIn(BaseModel):
    """How collisions are to be settled."""

    model_config = ConfigDict(extra="forbid")

    strategy: Strategy = Field(examples=["client_wins"])
    field_rules: dict[str, Rule] = Field(default_factory=dict, description="field → rule, above the type's own")
    auto_resolve: bool = Field(True, description="false: every collision waits for a person")
    mode: Literal["enforce", "shadow"] = Field("enforce", description="shadow: only log what would have happened")

    @field_validator("field_rules", mode="before")
    @classmethod
    def _names_fields(cls, value: Any) -> Any:
        if isinstance(value, dict) and (complaint := decode.complaint(value)):
            raise ValueError(complaint)
        return value


class PolicyOut(PolicyIn):
    """The policy in force. version: null for a shipped default."""

    entity: str
    source: Literal["tenant", "tenant_default", "shipped"]
    version: int | None
    updated_by: str | None = None
    updated_at: datetime | None = None


class PolicyVersions(BaseModel):
    """Every version of a policy, newest first."""

    versions: list[PolicyOut]


class DryRunDoc(BaseModel):
    """A policy to be tried on the conflicts that there have been."""

    strategy: Strategy
    field_rules: dict[str, Rule] = Field(default_factory=dict, description="field → rule, above the type's own")
    since: datetime | None = Field(None, description="Conflicts found from here on; 30 days back unless given.")
    after: str | None = Field(None, description="The `next` of the page before.")
    limit: int = Field(1000, ge=1, le=2000, description="How many conflicts to replay at most.")


class TriedConflict(BaseModel):
    """A conflict that would still have waited for a person."""

    conflict_id: UUID
    entity: str
    server_id: str
    severity: str
    created_at: datetime
    status: str = Field(description="What it is in fact.")
    fields: dict[str, Any] = Field(description="field → {base, client, server, rule, winner, value} by this policy")


class DryRunOut(BaseModel):
    """What the policy would have made of the conflicts of this page, newest first."""

    replayed: int
    settled: int
    manual: int
    different: int = Field(description="Settled, but with other values than these conflicts in fact ended with.")
    winners: dict[str, int] = Field(description="client, server, merged, none → fields")
    still_manual: list[TriedConflict]
    next: str | None = Field(description="What to say as `after` for the next page; null on the last.")
