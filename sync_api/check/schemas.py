"""A question as it stands on the wire: a push whose values may be given as hashes. Decoding, and no more."""

from typing import Annotated, Literal

import msgspec

from sync_api.engine.values import MAX_FIELDS
from sync_api.push import decode
from sync_api.push.schemas import MAX_CHANGES, ChangeIn, Envelope, Malformed, Push

Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Kind = Literal["string", "datetime", "integer", "number", "list", "object"]


class AskedIn(ChangeIn, frozen=True):
    """One change of a queue. `data` and `base` hold what the client gives as it is, the hashes all the rest."""

    hashes: dict[str, Sha256] | None = None
    types: dict[str, Kind] | None = None
    base_hashes: dict[str, Sha256] | None = None


class AskIn(Envelope, frozen=True):
    """A question all of whose changes are well formed."""

    changes: Annotated[list[AskedIn], msgspec.Meta(max_length=MAX_CHANGES)] = msgspec.field(default_factory=list)


_whole = msgspec.json.Decoder(AskIn)


def read(body: bytes) -> Push:
    """The question in `body`, under the limits of a push and with its problems."""
    return decode.read(body, _whole, AskedIn, _checked)


def _checked(asked: AskedIn) -> AskedIn | Malformed:
    change = decode.checked(asked)
    if isinstance(change, Malformed):
        return change
    for values, hashes in ((asked.data, asked.hashes), (asked.base, asked.base_hashes)):
        if hashes and (wrong := decode.complaint(hashes) or _crossed(values or {}, hashes)):
            return Malformed(asked.entity, asked.offline_id, wrong)
    # all of its fields by hash: the push sends an object
    return msgspec.structs.replace(change, data={}) if change.data is None and change.hashes is not None else change


def _crossed(values: dict[str, object], hashes: dict[str, str]) -> str | None:
    if both := values.keys() & hashes.keys():
        return f"{min(both)}: either a value or a hash"
    if len(values) + len(hashes) > MAX_FIELDS:
        return f"data: at most {MAX_FIELDS} fields"
    return None
