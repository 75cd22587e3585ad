"""A lake written from rows alone: what had been copied at some time, whole days or not, and how far it was held."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from feature_history import Change, Row, Said
from operational_rows import log_row, said_row

AT, TEXT, NUMBER = pa.timestamp("us", tz="UTC"), pa.string(), pa.int64()
FIELDS = pa.list_(pa.string())
WHO_AND_WHAT = {"tenant_id": TEXT, "user_id": TEXT, "device_id": TEXT, "entity_type": TEXT, "entity_id": TEXT}
BY_DAY = {
    "sync_log": {
        **WHO_AND_WHAT, "received_at": AT, "id": TEXT, "seq": NUMBER, "sync_id": TEXT, "sync_session_id": TEXT,
        "project_id": TEXT, "offline_id": TEXT, "operation": TEXT, "base_version": NUMBER, "server_version": NUMBER,
        "new_version": NUMBER, "outcome": TEXT, "is_conflicted": pa.bool_(), "fields": FIELDS, "edited_at": AT,
        "network_type": TEXT, "edit_id": TEXT, "prediction_id": TEXT,
    },
    "edit_session_event": {
        **WHO_AND_WHAT, "id": TEXT, "edit_id": TEXT, "seq": NUMBER, "event": TEXT, "base_version": NUMBER,
        "fields": FIELDS, "received_at": AT, "expires_at": AT,
    },
    "prediction_log": {
        **WHO_AND_WHAT, "prediction_id": TEXT, "model_type": TEXT, "model_version": TEXT, "moment": TEXT,
        "asked_at": AT, "as_of_seq": NUMBER, "event_id": TEXT, "event_received_at": AT, "edit_id": TEXT,
        "features_json": TEXT, "conflict_probability": pa.float64(), "threshold": pa.float64(),
        "predicted_conflict": pa.bool_(), "arm": TEXT, "latency_ms": pa.float64(), "outcome": pa.bool_(),
        "outcome_at": AT,
    },
}  # fmt: skip
WHOLE = {
    "tenant": {"tenant_id": TEXT, "name": TEXT, "created_at": AT},
    "lake_coverage": {"tenant_id": TEXT, "held_to_seq": NUMBER, "missing_from_seq": NUMBER},
    "replay_anchor": {"tenant_id": TEXT, "source_digest": TEXT, "anchor_at": AT, "mapping": TEXT},
}
CREATED = datetime(2026, 8, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """A prediction_log row."""

    about: Change
    as_of_seq: int
    asked_at: datetime
    is_known: bool = False

    @property
    def prediction_id(self) -> str:
        return f"{self.about.event_id[:-1]}{'f' if self.about.event_id[-1] != 'f' else '0'}"


def copy(
    lake: Path, rows: Iterable[Row | Asked], held: Mapping[str, int], mapped: Iterable[str] = (), *, is_shuffled: bool
) -> None:
    """Make the lake hold these rows, and each tenant held so far. Files that stay the same are left alone.

    Shuffled, rows lie in their files in no order that means anything.
    """
    by_table: dict[str, list[dict[str, Any]]] = {table: [] for table in BY_DAY}
    for row in rows:
        table, columns = _table_and_columns(row)
        by_table[table].append(columns)
    for table, columns in BY_DAY.items():
        at = "asked_at" if table == "prediction_log" else "received_at"
        days: dict[date | None, list[dict[str, Any]]] = {None: []}
        for one in sorted(by_table[table], key=_drawn) if is_shuffled else by_table[table]:
            days.setdefault(one[at].date(), []).append(one)
        for day, found in days.items():
            name = "__HIVE_DEFAULT_PARTITION__" if day is None else day.isoformat()
            _write(lake / "raw" / table / f"day={name}" / "part.parquet", found, columns)
    tenants = sorted(held)
    whole = {
        "tenant": [
            {"tenant_id": tenant, "name": tenant, "created_at": CREATED + timedelta(days=number)}
            for number, tenant in enumerate(tenants)
        ],
        "lake_coverage": [{"tenant_id": tenant, "held_to_seq": seq} for tenant, seq in held.items()],
        "replay_anchor": [{"tenant_id": tenant, "mapping": '{"keep_times": false}'} for tenant in mapped],
    }
    for table, columns in WHOLE.items():
        _write(lake / "raw" / table / "part.parquet", whole[table], columns)


def _drawn(columns: dict[str, Any]) -> str:
    """As good as drawn, and the same whenever the row is written again."""
    return hashlib.md5(str(columns.get("id", columns.get("prediction_id"))).encode()).hexdigest()


def _write(path: Path, rows: list[dict[str, Any]], columns: Mapping[str, pa.DataType]) -> None:
    made = pa.Table.from_pylist(rows, pa.schema(list(columns.items())))
    if path.exists() and pq.read_table(path, partitioning=None).equals(made):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, path)


def _table_and_columns(row: Row | Asked) -> tuple[str, dict[str, Any]]:
    if isinstance(row, Asked):
        return "prediction_log", _asked(row)
    table, columns = ("edit_session_event", said_row(row)) if isinstance(row, Said) else ("sync_log", log_row(row))
    return table, {name: str(value) if name in ("id", "sync_id") else value for name, value in columns.items()}


def _asked(asked: Asked) -> dict[str, Any]:
    about = asked.about
    return {
        "tenant_id": about.tenant, "user_id": about.user, "device_id": about.device, "entity_type": about.entity[0],
        "entity_id": about.entity[1], "prediction_id": asked.prediction_id, "asked_at": asked.asked_at,
        "as_of_seq": asked.as_of_seq, "edit_id": about.edit_id, "moment": "edit_start",
        "features_json": '{"request": {"fields": ["f0", "f3"], "client_version": 1}}',
        "outcome": asked.is_known or None, "outcome_at": asked.asked_at if asked.is_known else None,
    }  # fmt: skip
