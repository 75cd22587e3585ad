"""A push as it stands on the wire. Decoding, with no thinking about what a change means."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

MAX_CHANGES = 1000
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Version = Annotated[int, msgspec.Meta(ge=0, le=2_000_000_000)]


class ChangeIn(msgspec.Struct, frozen=True, gc=False):
    """One change of a device's queue."""

    entity: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    op: Literal["create", "update", "update_status", "delete", "append"]
    offline_id: Name
    server_id: Name | None = None
    client_version: Version | None = None
    edited_at: Moment | None = None
    data: dict[str, Any] | None = None
    base: dict[str, Any] | None = None
    edit_id: UUID | None = None
    prediction_id: UUID | None = None


class Envelope(msgspec.Struct, frozen=True):
    """What all changes of a push share."""

    device_id: Name
    client_time: Moment
    network_type: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    sync_session_id: Name | None = None
    device_metadata: dict[str, Any] | None = None


class PushIn(Envelope, frozen=True):
    """A push all of whose changes are well formed: the usual case, decoded in one go."""

    changes: Annotated[list[ChangeIn], msgspec.Meta(max_length=MAX_CHANGES)] = []


class Malformed(msgspec.Struct, frozen=True):
    """A change that cannot be read, with as much of its name as can be told."""

    entity: str | None
    offline_id: str | None
    complaint: str


class Push(msgspec.Struct, frozen=True):
    """A push as it was understood."""

    envelope: Envelope
    changes: list[ChangeIn | Malformed]
    size: int  # bytes of JSON
