"""Names of things: time-ordered ids for events, and the id of a record that its client did not name."""

import os
import time
import uuid

# Fixed for ever: with another namespace a late retry would make a second record.
_RECORDS = uuid.UUID("7b1d5d0e-5c4f-5c59-9d0c-3d1f4a0e6b21")


def uuid7() -> str:
    """A new UUID version 7: milliseconds since 1970, then random bits."""
    raw = (time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10)
    value = int.from_bytes(raw, "big") & ~(0xF << 76) & ~(0x3 << 62) | (7 << 76) | (2 << 62)
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def record_id(tenant: str, user: str, device: str, offline_id: str) -> str:
    """The server id of a record that this change creates: the same however late the change is sent again."""
    return str(uuid.uuid5(_RECORDS, "\x1f".join((tenant, user, device, offline_id))))
