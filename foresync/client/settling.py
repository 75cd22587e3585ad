"""What the server answers about conflicts and open edits. Unknown keys are ignored, as everywhere in this client."""

from dataclasses import dataclass
from datetime import datetime

from foresync.client.answers import Json


@dataclass(frozen=True, slots=True)
class ConflictPage:
    """Conflicts, newest first. `next` is what to give as `after` for the next page, None on the last."""

    conflicts: list[Json]
    next: str | None

    @classmethod
    def parse(cls, body: Json) -> "ConflictPage":
        return cls(body["conflicts"], body.get("next"))


@dataclass(frozen=True, slots=True)
class Resolution:
    """A settled conflict and the record after it; `status` is resolved or discarded."""

    conflict_id: str
    status: str
    choice: str
    new_version: int
    record: Json
    sync_event_id: str | None

    @classmethod
    def parse(cls, body: Json) -> "Resolution":
        return cls(
            conflict_id=body["conflict_id"],
            status=body["status"],
            choice=body["choice"],
            new_version=body["new_version"],
            record=body["record"],
            sync_event_id=body.get("sync_event_id"),
        )


@dataclass(frozen=True, slots=True)
class Edit:
    """An announced edit. `risk` is the prediction server's word on it, None when it could not be had at once."""

    edit_id: str
    status: str
    fields: list[str]
    base_version: int | None
    expires_at: datetime
    risk: Json | None

    @classmethod
    def parse(cls, body: Json) -> "Edit":
        return cls(
            edit_id=body["edit_id"],
            status=body["status"],
            fields=body.get("fields") or [],
            base_version=body.get("base_version"),
            expires_at=datetime.fromisoformat(body["expires_at"]),
            risk=body.get("risk"),
        )
