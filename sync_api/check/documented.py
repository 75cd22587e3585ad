"""The check in OpenAPI's words. The route decodes and encodes by hand, as a push does."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from sync_api.check.schemas import Kind
from sync_api.push.documented import ChangeDoc, PushDoc

Sha256Doc = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Verdict = Literal["applied", "merged", "unchanged", "already_applied", "conflict", "rejected"]


class AskedDoc(ChangeDoc):
    """A change of the queue, each of its fields as a hash or as it is."""

    data: dict[str, Any] | None = Field(None, description="Fields whose values may be told, such as a status.")
    hashes: dict[str, Sha256Doc] | None = Field(
        None, description="All other fields: hex SHA-256 of the RFC 8785 JSON of the value."
    )
    types: dict[str, Kind] | None = Field(
        None,
        description="What the hashed values are, where the client likes to say: without it an answer that depends on "
        "the type of a value is not exact. `datetime` is an ISO 8601 string, `number` has a fraction or an exponent.",
    )
    base: dict[str, Any] | None = Field(None, description="As in a push.")
    base_hashes: dict[str, Sha256Doc] | None = Field(None, description="`base`, by hashes.")


class CheckDoc(PushDoc):
    """The push that is thought of."""

    changes: list[AskedDoc]  # type: ignore[assignment]  # pydantic takes the narrower model


class WriterDoc(BaseModel):
    """Who wrote a field last."""

    user: str
    device: str
    version: int
    edited_at: datetime = Field(description="By the device, corrected for the skew of its clock.")
    received_at: datetime


class FieldDoc(BaseModel):
    """A field that collides."""

    rule: str | None = Field(description="The rule or policy that speaks; null where the push was answered before.")
    winner: Literal["client", "server", "merged", "none"] | None = Field(
        description="none: a person has to say. null: that depends on the value."
    )
    last_written: WriterDoc | None


class OtherwiseDoc(BaseModel):
    """What else the change may come to."""

    verdict: Verdict
    reason: str


class CheckedDoc(BaseModel):
    """What a push would be told of this change now."""

    entity: str | None
    offline_id: str | None
    server_id: str | None
    verdict: Verdict | None = Field(description="null: without the values named nothing can be said.")
    reason: str | None
    detail: dict[str, Any]
    client_version: int | None
    server_version: int | None = Field(description="The record's version now; 0 when there is none.")
    severity: Literal["low", "medium", "high", "critical"] | None
    fields: dict[str, FieldDoc] = Field(description="The fields that collide.")
    is_shadow: bool = Field(description="The policy only watches: the client's values are applied whoever wins.")
    replayed: bool = Field(description="This offline_id was answered before; a push gets that answer again.")
    exact: bool = Field(description="Whether it holds whatever the hashed values are.")
    depends_on_value: list[str] = Field(description="Send these fields in `data`, and the answer is exact.")
    depends_on_changes: list[str] = Field(description="Earlier changes of the queue whose own answer is not exact.")
    otherwise: list[OtherwiseDoc] = Field(description="What else it may come to, where that can be said.")


class CheckAnswerDoc(BaseModel):
    """One verdict for every change, in the order of the request."""

    server_time: datetime
    as_of_seq: int = Field(description="The tenant's seq that the answer holds for.")
    changes: list[CheckedDoc]
    summary: dict[str, int] = Field(description="How many of each verdict; unknown for null, and how many are inexact.")
