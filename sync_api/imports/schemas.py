"""An import batch as it stands on the wire, and in OpenAPI's words."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, Field

from sync_api.push.documented import AnswerDoc, PushDoc
from sync_api.push.schemas import Moment, Name, Version

MAX_ITEMS = 500


class PushItem(msgspec.Struct, frozen=True, tag_field="kind", tag="push"):
    """A push that somebody made at a given time. It is decoded like any other push."""

    user_id: Name
    received_at: Moment
    push: msgspec.Raw


class PresenceItem(msgspec.Struct, frozen=True, tag_field="kind", tag="presence"):
    """Somebody opened, renewed, announced fields of, or closed an edit. fields and base_version are cumulative."""

    id: UUID
    edit_id: UUID
    event: Literal["opened", "renewed", "fields", "closed"]
    user_id: Name
    device_id: Name
    entity: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    entity_id: Name
    received_at: Moment
    base_version: Version | None = None
    fields: Annotated[list[Name], msgspec.Meta(max_length=2000)] = []
    expires_at: Moment | None = None


Item = PushItem | PresenceItem


class BatchIn(msgspec.Struct, frozen=True):
    """Items in the order in which they happened."""

    items: Annotated[list[Item], msgspec.Meta(max_length=MAX_ITEMS)]


class PushItemDoc(BaseModel):
    kind: Literal["push"]
    user_id: str
    received_at: datetime = Field(description="When the server received it, by its own history.")
    push: PushDoc


class PresenceItemDoc(BaseModel):
    kind: Literal["presence"]
    id: UUID = Field(description="Chosen by the importer: the same event sent again adds nothing.")
    edit_id: UUID
    event: Literal["opened", "renewed", "fields", "closed"]
    user_id: str
    device_id: str
    entity: str
    entity_id: str
    received_at: datetime
    base_version: int | None = None
    fields: list[str] = Field(default_factory=list, description="All that has been announced so far.")
    expires_at: datetime | None = Field(None, description="30 days after received_at unless given.")


class BatchDoc(BaseModel):
    """At most 500 items, in order. All of them are taken, or none."""

    items: list[Annotated[PushItemDoc | PresenceItemDoc, Field(discriminator="kind")]]


class PushResultDoc(BaseModel):
    kind: Literal["push"]
    answer: AnswerDoc


class PresenceResultDoc(BaseModel):
    kind: Literal["presence"]
    status: Literal["recorded", "replayed"]


class ResultsDoc(BaseModel):
    """A result for every item, in order."""

    results: list[Annotated[PushResultDoc | PresenceResultDoc, Field(discriminator="kind")]]


class AnchorIn(BaseModel):
    """How a history's time was mapped onto the tenant's."""

    anchor_at: datetime
    mapping: dict[str, Any] = Field(examples=[{"keep_times": False, "days": 90}])
