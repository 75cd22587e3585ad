"""From a change on the wire to a change with a name: which record it means, and what makes it the same change again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import orjson
from msgspec import Struct

from sync_api import ids
from sync_api.engine import clock
from sync_api.engine.values import Change, Json
from sync_api.push.schemas import ChangeIn, Envelope, Malformed

ChangeKey = tuple[str, str, str, str]  # user, device, entity type, offline_id
RecordKey = tuple[str, str]  # entity type, entity id
Meant = tuple[ChangeIn, RecordKey]
NOTHING: dict[str, Json] = {}


@dataclass(frozen=True)
class Sender:
    """Who pushes, from where, when.

    received_at: by the server's clock, or an import's own. started: when work on it began, by `time.perf_counter`.
    """

    user: str
    sync_id: str
    session_id: str
    received_at: datetime
    envelope: Envelope
    size: int
    wire_size: int
    started: float
    kind: str = "push"

    @cached_property
    def client_time(self) -> datetime:
        return clock.storable(self.envelope.client_time)

    @cached_property
    def received_text(self) -> str:
        """`received_at` as it stands in stamps."""
        return clock.text(self.received_at)

    @cached_property
    def received_ms(self) -> int:
        """`received_at` in milliseconds since 1970."""
        return int(self.received_at.timestamp() * 1000)

    @cached_property
    def device(self) -> str:
        return self.envelope.device_id

    @cached_property
    def metadata(self) -> str:
        """What the device says of itself, as JSON."""
        return orjson.dumps(self.envelope.device_metadata or {}).decode()


class Named(Struct, frozen=True, gc=False):
    """A well-formed change, the record that it means, and the digest of what it says. key: by which its answer is kept.
    size: of its data as JSON. event_id: of the event that it becomes, if it does. refers: whether its data names
    records of the same batch, and so is not quite what was sent."""

    sent: ChangeIn
    change: Change
    key: ChangeKey
    record_key: RecordKey
    edited_at_sent: datetime | None
    edited_at: datetime
    sha256: bytes
    size: int
    event_id: str
    refers: bool = False

    @property
    def entity_id(self) -> str:
        return self.record_key[1]


def meant(tenant: str, sender: Sender, changes: Sequence[ChangeIn | Malformed]) -> list[Meant | Malformed]:
    """Every change with the record that it means. A `server_id` may be the offline_id of an earlier create of the same
    batch."""
    temporary: dict[tuple[str, str], str] = {}
    found: list[Meant | Malformed] = []
    for sent in changes:
        if isinstance(sent, Malformed):
            found.append(sent)
            continue
        entity_id = sent.server_id
        if entity_id is None:
            entity_id = temporary.get((sent.entity, sent.offline_id)) or ids.record_id(
                tenant, sender.user, sender.device, sent.offline_id
            )
            temporary[sent.entity, sent.offline_id] = entity_id
        else:
            entity_id = temporary.get((sent.entity, entity_id), entity_id)
        found.append((sent, (sent.entity, entity_id)))
    return found


def change_key(sender: Sender, sent: ChangeIn) -> ChangeKey:
    """By which the answer to a change is kept."""
    return sender.user, sender.device, sent.entity, sent.offline_id


def name(sender: Sender, sent: ChangeIn, record_key: RecordKey, event_id: str) -> Named:
    """The change with its name."""
    client_time = sender.client_time
    edited_at_sent = clock.storable(sent.edited_at) if sent.edited_at else None
    edited_at = clock.corrected(edited_at_sent or client_time, client_time, sender.received_at)
    change = Change(
        op=sent.op,
        user=sender.user,
        device=sender.device,
        client_version=sent.client_version,
        edited_at=clock.text(edited_at),
        data=sent.data or {},
        base=sent.base or NOTHING,
        names_record=sent.server_id is None,
    )
    data = written(sent)
    return Named(
        sent,
        change,
        change_key(sender, sent),
        record_key,
        edited_at_sent,
        edited_at,
        digest(sent, data),
        len(data),
        event_id,
    )


def digest(sent: ChangeIn, data: bytes) -> bytes:
    """SHA-256 of what the change does. What the client knew (its version, its base) is left out: a client that has
    pulled in between may say it anew, and it is the same change still. data: as `written` has it."""
    said = [sent.entity, sent.op, sent.server_id, sent.edited_at, orjson.Fragment(data)]
    return hashlib.sha256(orjson.dumps(said)).digest()


def written(sent: ChangeIn) -> bytes:
    """What the change says of the record, as JSON that is the same for the same values."""
    return orjson.dumps(sent.data, option=orjson.OPT_SORT_KEYS)
