"""The push in OpenAPI's words. The route decodes by hand, for speed; these models say what it takes and answers."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class ChangeDoc(BaseModel):
    """One change of a device's queue."""

    entity: str = Field(description="The entity type.", examples=["task"])
    op: Literal["create", "update", "update_status", "delete", "append"]
    offline_id: str = Field(description="Names this change; the same change sent again gets the stored answer.")
    server_id: str | None = Field(
        None, description="The record. A create may choose it; later changes may name a create by its offline_id."
    )
    client_version: int | None = Field(None, description="The last server version that the client received.")
    edited_at: datetime | None = Field(None, description="When the edit was made, by the device's clock.")
    data: dict[str, Any] | None = Field(
        None,
        description="The changed fields. One that is declared to refer to a type may name an earlier create by its "
        "offline_id.",
        examples=[{"title": "New title"}],
    )
    base: dict[str, Any] | None = Field(None, description="What these fields were when the edit began.")
    edit_id: UUID | None = Field(None, description="The presence session of this edit.")
    prediction_id: UUID | None = Field(None, description="The prediction that was shown before this edit.")


class PushDoc(BaseModel):
    """A device's queue, in the order in which the edits were made."""

    device_id: str
    client_time: datetime = Field(description="The device's clock now: what its edit times are corrected by.")
    network_type: str | None = Field(None, examples=["good"])
    sync_session_id: str | None = Field(None, description="The same for all pushes of one session.")
    device_metadata: dict[str, Any] | None = None
    changes: list[ChangeDoc]


class AppliedDoc(BaseModel):
    """A change that needs nobody's attention."""

    entity: str
    offline_id: str
    server_id: str
    new_version: int
    status: Literal["applied", "merged", "unchanged", "already_applied"]
    sync_event_id: UUID
    record: dict[str, Any] | None = Field(description="The final row when it differs from what the client has.")
    conflict_id: UUID | None = Field(None, description="Set when a collision was settled by rule or policy.")
    reason: str | None = None
    replayed: bool | None = None


class ConflictDoc(BaseModel):
    """A change that waits for a person; nothing of it was applied."""

    entity: str
    offline_id: str
    server_id: str
    conflict_id: UUID
    reason: str
    client_version: int | None
    server_version: int
    severity: Literal["low", "medium", "high", "critical"]
    sync_event_id: UUID
    fields: dict[str, Any] = Field(description="field → {base, client, server, merge_hint}")
    server_state: dict[str, Any]
    replayed: bool | None = None


class RejectedDoc(BaseModel):
    """A change that cannot be taken as it is."""

    entity: str | None
    offline_id: str | None
    reason: str
    detail: dict[str, Any]
    retryable: bool
    replayed: bool | None = None


class AnswerDoc(BaseModel):
    """One verdict for every change, in request order within each list."""

    sync_id: UUID
    server_time: datetime
    applied: list[AppliedDoc]
    conflicts: list[ConflictDoc]
    rejected: list[RejectedDoc]
    summary: dict[str, int]


class ProblemDoc(BaseModel):
    """RFC 9457, with a code that programs read and whether to try again."""

    type: str
    title: str
    status: int
    code: str
    retryable: bool
    detail: str | None = None
    request_id: str | None = None
