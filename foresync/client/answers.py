"""What the server answers, as plain values. Unknown keys are ignored: a newer server does not break an older client."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Applied:
    """A change that the server took. `record` is the final row where it differs from what was sent, else None.

    `status` is applied, merged, unchanged (no new version) or already_applied (the stored answer to a repeat).
    """

    entity: str
    offline_id: str
    server_id: str
    new_version: int
    status: str
    sync_event_id: str | None
    record: Json | None
    conflict_id: str | None
    replayed: bool

    @classmethod
    def parse(cls, body: Json) -> "Applied":
        return cls(
            entity=body["entity"],
            offline_id=body["offline_id"],
            server_id=body["server_id"],
            new_version=body["new_version"],
            status=body["status"],
            sync_event_id=body.get("sync_event_id"),
            record=body.get("record"),
            conflict_id=body.get("conflict_id"),
            replayed=bool(body.get("replayed", False)),
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """A change that waits for a person: nothing of it is applied, the record stays at `server_version`.

    `fields` is field → {base, client, server, merge_hint}.
    """

    entity: str
    offline_id: str
    server_id: str
    conflict_id: str
    reason: str
    client_version: int | None
    server_version: int
    severity: str
    sync_event_id: str | None
    fields: dict[str, Json]
    server_state: Json
    replayed: bool

    @classmethod
    def parse(cls, body: Json) -> "Conflict":
        return cls(
            entity=body["entity"],
            offline_id=body["offline_id"],
            server_id=body["server_id"],
            conflict_id=body["conflict_id"],
            reason=body["reason"],
            client_version=body.get("client_version"),
            server_version=body["server_version"],
            severity=body["severity"],
            sync_event_id=body.get("sync_event_id"),
            fields=body.get("fields") or {},
            server_state=body.get("server_state") or {},
            replayed=bool(body.get("replayed", False)),
        )


@dataclass(frozen=True, slots=True)
class Rejected:
    """A change that was not taken, and why. Only a `retryable` one may be sent again as it is."""

    entity: str
    offline_id: str
    reason: str
    detail: Any
    retryable: bool
    replayed: bool

    @classmethod
    def parse(cls, body: Json) -> "Rejected":
        return cls(
            entity=body["entity"],
            offline_id=body["offline_id"],
            reason=body["reason"],
            detail=body.get("detail"),
            retryable=bool(body.get("retryable", False)),
            replayed=bool(body.get("replayed", False)),
        )


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """One verdict for every change of a push, in the order sent within each list."""

    sync_id: str
    server_time: datetime
    applied: list[Applied]
    conflicts: list[Conflict]
    rejected: list[Rejected]
    replayed: int

    @classmethod
    def parse(cls, body: Json) -> "PushAnswer":
        return cls(
            sync_id=body["sync_id"],
            server_time=datetime.fromisoformat(body["server_time"]),
            applied=[Applied.parse(one) for one in body["applied"]],
            conflicts=[Conflict.parse(one) for one in body["conflicts"]],
            rejected=[Rejected.parse(one) for one in body["rejected"]],
            replayed=body["summary"].get("replayed", 0),
        )


@dataclass(frozen=True, slots=True)
class PulledChange:
    """A record as it is now. `op` is upsert (`data` is all of it), delete, or remove (no longer yours to see)."""

    seq: int
    entity: str
    server_id: str
    op: Literal["upsert", "delete", "remove"]
    version: int | None
    data: Json | None
    by_device: str | None

    @classmethod
    def parse(cls, body: Json) -> "PulledChange":
        return cls(
            seq=body["seq"],
            entity=body["entity"],
            server_id=body["server_id"],
            op=body["op"],
            version=body.get("version"),
            data=body.get("data"),
            by_device=body.get("by_device"),
        )


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """A page of the feed. `next` is the `since` of the following one; `epoch` and `begun` are to be sent along."""

    changes: list[PulledChange]
    next: int
    has_more: bool
    epoch: str
    begun: int | None

    @classmethod
    def parse(cls, body: Json) -> "ChangesPage":
        return cls(
            changes=[PulledChange.parse(one) for one in body["changes"]],
            next=body["next"],
            has_more=body["has_more"],
            epoch=body["epoch"],
            begun=body.get("begun"),
        )


@dataclass(frozen=True, slots=True)
class PushResult:
    """The answer to an imported push."""

    answer: PushAnswer


@dataclass(frozen=True, slots=True)
class PresenceResult:
    """What became of an imported presence event: recorded now, or replayed (it was there)."""

    status: Literal["recorded", "replayed"]


ImportResult: TypeAlias = PushResult | PresenceResult


def parse_import_result(body: Json) -> ImportResult:
    if body["kind"] == "push":
        return PushResult(PushAnswer.parse(body["answer"]))
    return PresenceResult(body["status"])


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a replayed history's last moment lies, and the mapping that its first replay chose."""

    anchor_at: datetime
    mapping: Json

    @classmethod
    def parse(cls, body: Json) -> "Anchor":
        return cls(datetime.fromisoformat(body["anchor_at"]), body["mapping"])


@dataclass(frozen=True, slots=True)
class Policy:
    """A tenant's conflict policy for an entity type, `*` for all that have none of their own."""

    entity: str
    strategy: str
    version: int | None
    body: Json

    @classmethod
    def parse(cls, entity: str, body: Json) -> "Policy":
        return cls(entity, body["strategy"], body.get("version"), body)
