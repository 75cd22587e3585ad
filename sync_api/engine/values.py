"""The plain values that decisions are made of: a change, a record, a decision. No decision is made here.

A record's fields are JSON values as `json.loads` gives them. A stamp says who last wrote a field:
{version, user, device, event_id, event_at, edited_at}, times as fixed-width ISO text, so that they compare as text.
Where a rule combined what it wrote with another's value, `over` is that other's stamp.

They are structs rather than frozen dataclasses, because every change of a push makes several: a tenth of the cost.
What a change makes one of is not told to the garbage collector (gc=False): none of it ever refers back to itself.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from sync_api.engine.hidden import Hidden

Json = Any
Stamp = Mapping[str, Any]
Op = Literal["create", "update", "update_status", "delete", "append"]
Outcome = Literal["applied", "merged", "unchanged", "conflict", "rejected"]

MAX_FIELDS = 2000  # of one change
LARGEST_INTEGER = 2**63 - 1
DELETED = "_deleted"  # the field that a delete, or a restoring write, writes


class Change(Struct, frozen=True, gc=False):
    """One change by one (user, device). `edited_at` is corrected for the skew of the device's clock. names_record: the
    record's id is made of the change's own name, so that nobody else can have made the record."""

    op: Op
    user: str
    device: str
    client_version: int | None
    edited_at: str
    data: Mapping[str, Json]
    base: Mapping[str, Json] = {}
    names_record: bool = False


class Record(Struct):
    """A record as the change finds it; version 0 is a record that never was."""

    version: int = 0
    data: dict[str, Json] = {}
    stamps: dict[str, Stamp] = {}
    is_deleted: bool = False


class FieldConflict(Struct, frozen=True):
    """One colliding field: what everybody had, which rule spoke, who won, and what the field is now.

    winner: `none` where a person is to say; None where that depends on a hidden value."""

    base: Json
    client: Json
    server: Json
    rule: str
    winner: Literal["client", "server", "merged", "none"] | None
    value: Json


class Conflict(Struct, frozen=True):
    """A collision by version, or a near miss inside the window, with how it was settled."""

    reason: str
    detection: Literal["version", "window"]
    severity: str
    strategy: str
    fields: Mapping[str, FieldConflict]
    is_open: bool
    is_shadow: bool = False


class Decision(Struct, frozen=True, gc=False):
    """What becomes of a change.

    writes: field → value to be stored, only where it differs. `_deleted` is there when that changes.
    replaces: the record starts anew (a create over a tombstone): other fields fall away.
    touched: the fields that the change meant to change.
    over: field → the stamp of another's value that what is written was combined with.
    """

    outcome: Outcome
    reason: str | None = None
    detail: Mapping[str, Any] | None = None
    writes: Mapping[str, Json] = {}
    touched: tuple[str, ...] = ()
    over: Mapping[str, Stamp] = {}
    replaces: bool = False
    is_stale: bool = False
    conflict: Conflict | None = None
    window: Conflict | None = None


def same(a: Json, b: Json) -> bool:
    """Equality of JSON values: 1 is 1.0, but true is not 1."""
    if a is b:
        return True
    kind = type(a)
    if kind is str or kind is type(None):
        return bool(a == b)
    if kind is Hidden or type(b) is Hidden:
        return bool(a == b)
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if kind is dict:
        return type(b) is dict and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if kind is list:
        return type(b) is list and len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)
