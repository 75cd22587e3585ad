"""What may be asked about conflicts, as it stands on the wire, and the same in OpenAPI's words with the answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, Field

from sync_api.conflicts.settle import Choice
from sync_api.push.documented import ProblemDoc
from sync_api.push.schemas import Version

MAX_AT_ONCE = 100
Status = Literal["open", "resolved", "discarded"]
Severity = Literal["low", "medium", "high", "critical"]
Detection = Literal["version", "window"]


class ResolveIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's choice."""

    choice: Choice
    expected_version: Version
    value: dict[str, Any] | None = None


class ResolveOneIn(ResolveIn, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A choice for one of several conflicts."""

    conflict_id: UUID


class ResolveManyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choices, each on its own."""

    items: Annotated[list[ResolveOneIn], msgspec.Meta(max_length=MAX_AT_ONCE)]


class ResolveDoc(BaseModel):
    """How an open conflict is to be settled."""

    choice: Choice = Field(
        description="keep_mine: the whole change that waits. use_server: the change without the fields that collide. "
        "merge: `value` where it says something, the field's rule elsewhere. discard: nothing of the change."
    )
    expected_version: int = Field(description="The record's version that was looked at: `server_version`.")
    value: dict[str, Any] | None = Field(
        None, description="For merge: field → value, checked like the data of a push.", examples=[{"title": "Both"}]
    )


class ResolveOneDoc(ResolveDoc):
    """A choice for one of several conflicts."""

    conflict_id: UUID


class ResolveManyDoc(BaseModel):
    """At most 100 choices. Each stands for itself: one that fails stops no other."""

    items: list[ResolveOneDoc]


class ResolvedDoc(BaseModel):
    """A settled conflict. The same choice again is answered the same."""

    conflict_id: UUID
    status: Literal["resolved", "discarded"]
    choice: Choice
    new_version: int = Field(description="The record's version after it.")
    sync_event_id: UUID | None = Field(description="The event that the choice made; null when it wrote nothing.")
    record: dict[str, Any] = Field(description="The record after it.")
    resolved_at: datetime
    resolved_by: str


class ResultDoc(BaseModel):
    """What became of one of several choices: `resolution`, or the `problem` that it met."""

    conflict_id: UUID
    resolution: ResolvedDoc | None
    problem: ProblemDoc | None


class ResultsDoc(BaseModel):
    """A result for every choice, in order."""

    results: list[ResultDoc]


class ConflictSummary(BaseModel):
    """A conflict as a list shows it."""

    conflict_id: UUID
    status: Status
    reason: str
    detection: Detection
    severity: Severity
    strategy: str
    policy_version: int | None
    is_auto_resolved: bool
    is_shadow: bool
    entity: str
    server_id: str
    user: str = Field(description="Whose change it is.")
    device: str
    sync_event_id: UUID
    client_version: int | None
    detected_version: int = Field(description="The record's version when the conflict was found.")
    field_names: list[str]
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


class ConflictsDoc(BaseModel):
    """A page of conflicts, newest first."""

    conflicts: list[ConflictSummary]
    next: str | None = Field(description="What to say as `after` for the next page; null on the last.")


class FieldDoc(BaseModel):
    """A disputed field: of an open conflict as both sides stand now, of a settled one as it was found and ended."""

    base: Any
    mine: Any
    theirs: Any
    merge_hint: str | None
    collides: bool
    rule: str | None
    winner: Literal["client", "server", "merged", "none"] | None
    value: Any


class DecisionDoc(BaseModel):
    """One entry of the audit: what was decided, by whom, and which values lost."""

    decided_at: datetime
    decided_by: str
    decision: str
    fields: dict[str, Any]
    detail: dict[str, Any]


class ConflictWhole(ConflictSummary):
    """Everything about a conflict."""

    operation: str
    server_version: int = Field(description="The record's version now: what to say as `expected_version`.")
    fields: dict[str, FieldDoc]
    client_state: dict[str, Any] = Field(description="The change that waits.")
    server_state: dict[str, Any] = Field(description="The record now.")
    detected_state: dict[str, Any] = Field(description="The record when the conflict was found.")
    conflicted_with: list[dict[str, Any]]
    history: list[DecisionDoc]


class MovedDoc(ProblemDoc):
    """`conflict_moved` brings the conflict as it stands now; look again and say the new version."""

    conflict: ConflictWhole | None = None
