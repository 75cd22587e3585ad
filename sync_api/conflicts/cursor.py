"""Where a page of conflicts ends, as a text that clients hand back unread."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sync_api.bodies import invalid
from sync_api.engine import clock

Place = tuple[datetime, UUID]


def after(row: Mapping[str, Any]) -> str:
    """The place of a row in a list that is ordered by created_at and conflict_id."""
    return base64.urlsafe_b64encode(f"{row['created_at'].isoformat()}|{row['conflict_id']}".encode()).decode()


def place(text: str | None) -> Place | None:
    """The place that a cursor names. Problem 422 when it is none of ours."""
    if not text:
        return None
    try:
        created_at, _, conflict_id = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None:
            raise ValueError(text)
        return clock.storable(moment), UUID(conflict_id)
    except (ValueError, binascii.Error) as error:
        raise invalid("after: not a place that this list has told") from error
