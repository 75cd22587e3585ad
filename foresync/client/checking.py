"""Asking what a push would be told: changes without their values, and the answer. Sending is `SyncClient`'s."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foresync.client import hashing
from foresync.client.answers import Json


@dataclass(frozen=True, slots=True)
class Checked:
    """What a push would be told of one change now.

    `verdict` is applied, merged, unchanged, already_applied, conflict or rejected, or None where nothing can be said.
    Where it is not `exact`, it depends on the values of the fields `depends_on_value`, or on earlier changes (the
    offline_ids `depends_on_changes`), and may come to one of `otherwise`. `fields` is field → {rule, winner,
    last_written}.
    """

    entity: str
    offline_id: str
    server_id: str | None
    verdict: str | None
    reason: str | None
    detail: Any
    client_version: int | None
    server_version: int | None
    severity: str | None
    fields: dict[str, Json]
    exact: bool
    depends_on_value: list[str]
    depends_on_changes: list[str]
    otherwise: list[Json]
    replayed: bool

    @classmethod
    def parse(cls, body: Json) -> "Checked":
        return cls(
            entity=body["entity"],
            offline_id=body["offline_id"],
            server_id=body["server_id"],
            verdict=body["verdict"],
            reason=body.get("reason"),
            detail=body.get("detail"),
            client_version=body.get("client_version"),
            server_version=body.get("server_version"),
            severity=body.get("severity"),
            fields=body.get("fields") or {},
            exact=body["exact"],
            depends_on_value=body["depends_on_value"],
            depends_on_changes=body["depends_on_changes"],
            otherwise=body.get("otherwise") or [],
            replayed=bool(body.get("replayed", False)),
        )


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """A verdict for every change, in the order of the queue, as of the server's `as_of_seq`."""

    server_time: datetime
    as_of_seq: int
    changes: list[Checked]
    summary: dict[str, int]

    @classmethod
    def parse(cls, body: Json) -> "CheckAnswer":
        return cls(
            server_time=datetime.fromisoformat(body["server_time"]),
            as_of_seq=body["as_of_seq"],
            changes=[Checked.parse(one) for one in body["changes"]],
            summary=body["summary"],
        )


def asked(change: Mapping[str, Any], reveal: Collection[str] = ()) -> Json:
    """The change with hashes in the place of values, except of the fields to `reveal` and of numbers too large to have
    a hash of their own."""
    body = dict(change)
    for given, hashed in (("data", "hashes"), ("base", "base_hashes")):
        values = body.get(given)
        if values is None:
            continue
        hidden = {n: v for n, v in values.items() if n not in reveal and hashing.is_told_apart(v)}
        body[given] = {name: value for name, value in values.items() if name not in hidden}
        body[hashed] = {name: hashing.sha256(value) for name, value in hidden.items()}
        if given == "data":
            kinds = {name: hashing.kind(value) for name, value in hidden.items()}
            body["types"] = {name: kind for name, kind in kinds.items() if kind is not None}
    return body
