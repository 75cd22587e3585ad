"""Names of things: time-ordered ids for events, and the id of a record that its client did not name."""

import os
import random
import time
import uuid
from collections.abc import Callable

# Fixed for ever: with another namespace a late retry would make a second record.
_RECORDS = uuid.UUID("7b1d5d0e-5c4f-5c59-9d0c-3d1f4a0e6b21")

# Our own, so that nobody else's seed makes names come twice; a forked process begins anew.
_generator = random.Random()  # noqa: S311 - names, no secrets
os.register_at_fork(after_in_child=_generator.seed)


def uuid7() -> str:
    """A new UUID version 7: milliseconds since 1970, then 72 random bits.

    They come from a generator in memory, seeded by the operating system: every change needs an id, and asking the
    system each time costs a tenth of a push. These are names, not secrets.
    """
    return series()()


def series() -> Callable[[], str]:
    """What makes UUIDs version 7 of this millisecond: half as dear where many are wanted at once."""
    now = time.time_ns() // 1_000_000
    moment = f"{now >> 16:08x}-{now & 0xFFFF:04x}-7"
    bits = _generator.getrandbits

    def one() -> str:
        digits = bits(72).to_bytes(9).hex()
        return f"{moment}{digits[:3]}-8{digits[3:6]}-{digits[6:]}"

    return one


def record_id(tenant: str, user: str, device: str, offline_id: str) -> str:
    """The server id of a record that this change creates: the same however late the change is sent again."""
    return str(uuid.uuid5(_RECORDS, "\x1f".join((tenant, user, device, offline_id))))
