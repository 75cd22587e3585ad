"""What a history's numbers are called on the server. Nothing is drawn at random: a rerun says the same names."""

import re
import uuid
from pathlib import Path

_SPACE = uuid.UUID("5f0c1e0a-7d0f-5c0b-9a53-6f7265737963")


def tenant(path: Path) -> str:
    """`jupyter__notebook.parquet` → `jupyter-notebook`."""
    return re.sub(r"[^a-z0-9]+", "-", path.name.removesuffix(".parquet").lower()).strip("-")


def user(user_id: int) -> str:
    return f"u{user_id}"


def device(user_id: int, push_id: int, is_merge: bool) -> str:
    """Each merge is a clone of its own, and so a device of its own; plain pushes come from their user's one device."""
    return f"u{user_id}-m{push_id}" if is_merge else f"u{user_id}-main"


def record(entity_id: int) -> str:
    return f"e{entity_id}"


def field(number: int) -> str:
    return f"r{number}"


def session(push_id: int) -> str:
    return f"p{push_id}"


def offline(push_id: int, entity_id: int) -> str:
    return f"p{push_id}-e{entity_id}"


def edit(tenant_id: str, push_id: int, entity_id: int) -> str:
    """The id of the edit session that a push of this record ends."""
    return str(uuid.uuid5(_SPACE, f"{tenant_id}/{offline(push_id, entity_id)}"))


def event(edit_id: str, number: int) -> str:
    """The id of an edit session's n-th presence event."""
    return str(uuid.uuid5(_SPACE, f"{edit_id}/{number}"))
