"""Names of things: time-ordered ids for events, and the id of a record that its client did not name."""

import os
import random
import time
import uuid

# Fixed for ever: with another namespace a late retry would make a second record.
_RECORDS = uuid.UUID("7b1d5d0e-5c4f-5c59-9d0c-3d1f4a0e6b21")

# Our own, so that nobody else's seed makes names come twice; a forked process begins anew.
_generator = random.Random()  # noqa: S311 - names, no secrets
os.register_at_fork(after_in_child=_generator.seed)


def uuid7() -> str:
    """A new UUID version 7: milliseconds since 1970, then random bits.

    They come from a generator in memory, seeded by the operating system: every change needs an id, and asking the
    system each time costs a tenth of a push. These are names, not secrets.
    """
    now = time.time_ns() // 1_000_000
    bits = _generator.getrandbits
    return f"{now >> 16:08x}-{now & 0xFFFF:04x}-7{bits(12):03x}-{0x8000 | bits(14):04x}-{bits(48):012x}"


def record_id(tenant: str, user: str, device: str, offline_id: str) -> str:
    """The server id of a record that this change creates: the same however late the change is sent again."""
    return str(uuid.uuid5(_RECORDS, "\x1f".join((tenant, user, device, offline_id))))
