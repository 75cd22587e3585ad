"""What a call about an edit makes of it. Pure: the edit as it is comes in, the event to be added comes out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from web.problems import Problem

Event = Literal["opened", "renewed", "fields", "closed"]

MAX_FIELDS = 2000


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit as of its newest event. fields and base_version: all that has been announced so far."""

    edit_id: UUID
    event: Event
    user_id: str
    device_id: str
    entity_type: str
    entity_id: str
    base_version: int | None
    fields: tuple[str, ...]
    received_at: datetime
    expires_at: datetime


def opened(wish: Edit, existing: Edit | None) -> Edit | None:
    """The event that opens an edit; None when the same call has opened it before. Problem 403, 409."""
    if existing is None:
        return wish
    check_owner(existing, wish.user_id)
    if (existing.entity_type, existing.entity_id) != (wish.entity_type, wish.entity_id):
        raise Problem(409, "edit_id_taken", "The id names an edit of another record", str(wish.edit_id))
    return None


def renewed(
    existing: Edit, user: str, *, fields: Iterable[str], base_version: int | None, at: datetime, lasts: timedelta
) -> Edit:
    """The event that keeps an edit open, with what it announces. Problem 403, 409, 422."""
    check_owner(existing, user)
    if existing.event == "closed":
        raise Problem(409, "edit_closed", "The edit is closed", "open a new one")
    announced = tuple(dict.fromkeys((*existing.fields, *fields)))
    if len(announced) > MAX_FIELDS:
        raise Problem(422, "validation_error", "The request is not valid", f"fields: at most {MAX_FIELDS} in all")
    return replace(
        existing,
        event="fields" if len(announced) > len(existing.fields) else "renewed",
        base_version=existing.base_version if base_version is None else base_version,
        fields=announced,
        received_at=at,
        expires_at=at + lasts,
    )


def closed(existing: Edit, user: str, *, at: datetime) -> Edit | None:
    """The event that closes an edit; None when it is closed already. Problem 403."""
    check_owner(existing, user)
    if existing.event == "closed":
        return None
    return replace(existing, event="closed", received_at=at, expires_at=at)


def check_owner(edit: Edit, user: str) -> None:
    if edit.user_id != user:
        raise Problem(403, "edit_of_another_user", "The edit belongs to another user", str(edit.edit_id))
