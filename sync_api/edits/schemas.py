"""What is said about an edit, as it stands on the wire, and the same in OpenAPI's words with the answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, Field

from sync_api.push.schemas import Name, Version

SHORTEST, USUAL, LONGEST = 10, 900, 3600  # seconds that an edit counts as open unless it is renewed
Seconds = Annotated[int, msgspec.Meta(ge=SHORTEST, le=LONGEST)]
Fields = Annotated[list[Name], msgspec.Meta(max_length=2000)]


class RenewIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Still at it; perhaps in further fields."""

    fields: Fields = []
    base_version: Version | None = None
    expires_in: Seconds = USUAL


class OpenIn(RenewIn, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody begins to edit a record."""

    entity: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    server_id: Name
    device_id: Name
    edit_id: UUID | None = None


class RenewDoc(BaseModel):
    """Keeps an edit open, and says what more it touches."""

    fields: list[str] = Field(default_factory=list, description="Fields that the edit touches, added to the known.")
    base_version: int | None = Field(None, description="The version that the edit is based on, when that changed.")
    expires_in: int = Field(USUAL, ge=SHORTEST, le=LONGEST, description="Seconds until it counts as left behind.")


class OpenDoc(RenewDoc):
    """Announces an edit."""

    entity: str = Field(examples=["task"])
    server_id: str = Field(examples=["task_456"])
    device_id: str
    edit_id: UUID | None = Field(None, description="Choose it, and the same call can be sent again.")


class RiskDoc(BaseModel):
    """What the prediction server says of this edit now."""

    conflict_probability: float | None
    risk_level: str
    warning_message: str | None
    prediction_id: str | None = Field(description="To be sent with the change, as `prediction_id`.")
    model_version: str | None
    threshold: float | None
    concurrent_editors_detected: int | None
    top_factors: list[dict[str, Any]]
    status: str | None


class EditDoc(BaseModel):
    """An edit after the call."""

    edit_id: UUID
    status: Literal["open", "closed"]
    entity: str
    server_id: str
    device_id: str
    base_version: int | None
    fields: list[str]
    expires_at: datetime
    risk: RiskDoc | None = Field(description="Null when it cannot be had at once, or the token may not predict.")
