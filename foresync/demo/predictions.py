"""Two edits that somebody might begin now, and what the prediction server says of each. Opens and closes presence."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foresync.client import SyncClient
from foresync.replay import names

CANDIDATES = 20
RECENT_SHARE = 0.25
OTHERS = 2


@dataclass(frozen=True)
class Edit:
    """What a client would announce: who edits which record, and the fields it touches."""

    user: str
    entity_type: str
    entity_id: str
    fields: tuple[str, ...]
    others: tuple[str, ...] = ()

    def question(self) -> dict[str, Any]:
        return {
            "user_id": self.user,
            "entity_type": self.entity_type,
            "entity_id": self.entity_id,
            "fields": list(self.fields),
        }


@dataclass(frozen=True)
class Asked:
    edit: Edit
    answer: dict[str, Any]

    @property
    def probability(self) -> float:
        return float(self.answer["conflict_probability"] or 0.0)


def candidates(history: Path) -> tuple[list[Edit], list[Edit]]:
    """Edits of contested records, with the people who would have them open; and edits of quiet ones.

    Both from the newest quarter of the history. Contested: the records with most collisions. Quiet: records that one
    person alone has changed.
    """
    columns = ["user_id", "entity_id", "entity_type", "op", "fields_client", "field_collision"]
    table = pq.read_table(history, columns=columns)
    recent = table.slice(int(table.num_rows * (1 - RECENT_SHARE)))
    recent = recent.filter(
        pc.and_(pc.not_equal(recent["op"], "delete"), pc.greater(pc.list_value_length(recent["fields_client"]), 0))
    )
    by_record: dict[int, list[dict[str, Any]]] = {}
    for change in recent.to_pylist():
        by_record.setdefault(change["entity_id"], []).append(change)
    contested = sorted(by_record.values(), key=lambda changes: -sum(c["field_collision"] for c in changes))
    quiet = [changes for changes in by_record.values() if len({c["user_id"] for c in changes}) == 1]
    return [_edit(changes) for changes in contested[:CANDIDATES]], [_edit(changes) for changes in quiet[-CANDIDATES:]]


def _edit(changes: Sequence[dict[str, Any]]) -> Edit:
    newest = changes[-1]
    users = list(dict.fromkeys(names.user(change["user_id"]) for change in reversed(changes)))
    return Edit(
        user=users[0],
        entity_type=newest["entity_type"],
        entity_id=names.record(newest["entity_id"]),
        fields=tuple(names.field(number) for number in newest["fields_client"][:5]),
        others=tuple(users[1 : 1 + OTHERS]),
    )


def ask(serving_url: str, token: str, edits: Sequence[Edit]) -> list[Asked]:
    """Ask about every edit, one request each, as its user's client would."""
    with httpx.Client(base_url=serving_url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        return [
            Asked(edit, http.post("/api/ml/predict-conflict/", json=edit.question()).raise_for_status().json())
            for edit in edits
        ]


class OpenEdits:
    """The others of these edits have them open while the block runs."""

    def __init__(self, client: SyncClient, edits: Sequence[Edit]) -> None:
        self._client = client
        self._sessions = [(str(uuid.uuid4()), other, edit) for edit in edits for other in edit.others]

    def __enter__(self) -> None:
        self._announce("opened")

    def __exit__(self, *_: object) -> None:
        self._announce("closed")

    def _announce(self, event: str) -> None:
        self._client.import_batch(
            [
                {
                    "kind": "presence",
                    "id": str(uuid.uuid4()),
                    "edit_id": edit_id,
                    "event": event,
                    "user_id": other,
                    "device_id": f"{other}-main",
                    "entity": edit.entity_type,
                    "entity_id": edit.entity_id,
                    "fields": list(edit.fields),
                    "received_at": datetime.now(UTC).isoformat(),
                }
                for edit_id, other, edit in self._sessions
            ]
        )
