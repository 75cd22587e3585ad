"""Synthetic histories as rows of the operational database."""

import uuid
from collections.abc import Iterable
from typing import Any

import psycopg
from feature_history import Change, Row, Said


def insert(admin_url: str, rows: Iterable[Row]) -> None:
    """Put the rows where the sync API would have put them; an administrator passes by row-level security."""
    with psycopg.connect(admin_url) as connection:
        for tenant in {row.tenant for row in rows}:
            connection.execute("SELECT sync.ensure_tenant(%s, %s)", (tenant, tenant))
        for month in {row.received_at.replace(day=15) for row in rows if isinstance(row, Change)}:
            connection.execute("SELECT sync.ensure_month(%s)", (month,))
        for table, columns in _columns(rows).items():
            if not columns:
                continue
            names = ", ".join(columns[0])
            places = ", ".join(f"%({name})s" for name in columns[0])
            connection.cursor().executemany(
                f"INSERT INTO sync.{table} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING", columns
            )
        for tenant in {row.tenant for row in rows}:
            seq = max(row.seq for row in rows if row.tenant == tenant)
            connection.execute(
                "UPDATE sync.tenant_clock SET seq = greatest(seq, %s) WHERE tenant_id = %s", (seq, tenant)
            )


def _columns(rows: Iterable[Row]) -> dict[str, list[dict[str, Any]]]:
    """Table → its rows as columns."""
    changes = [row for row in rows if isinstance(row, Change)]
    return {
        "sync_log": [log_row(row) for row in changes],
        "sync_request": [_request(row) for row in changes],
        "device": [{"tenant_id": row.tenant, "device_id": row.device, "user_id": row.user} for row in changes],
        "conflict_resolution": [_conflict(row) for row in changes if row.conflicted],
        "edit_session_event": [said_row(row) for row in rows if isinstance(row, Said)],
    }


def _who_and_what(row: Row) -> dict[str, Any]:
    entity_type, entity_id = row.entity
    return {
        "tenant_id": row.tenant,
        "user_id": row.user,
        "device_id": row.device,
        "entity_type": entity_type,
        "entity_id": entity_id,
    }


def log_row(row: Change) -> dict[str, Any]:
    """The change as sync_log has it."""
    return _who_and_what(row) | {
        "received_at": row.received_at,
        "id": row.event_id,
        "seq": row.seq,
        "sync_id": row.sync_id,
        "sync_session_id": row.sync_session_id,
        "offline_id": row.event_id,
        "operation": row.operation,
        "server_version": (row.new_version or 2) - 1,
        "new_version": row.new_version,
        "outcome": row.outcome,
        "is_conflicted": row.conflicted,
        "fields": list(row.fields),
        "edited_at": row.edited_at,
        "edit_id": row.edit_id,
    }


def _request(row: Change) -> dict[str, Any]:
    counts = ("merged", "unchanged", "conflict", "auto_resolved", "rejected", "replayed")
    return {
        "tenant_id": row.tenant,
        "received_at": row.received_at,
        "sync_id": row.sync_id,
        "sync_session_id": row.sync_session_id,
        "user_id": row.user,
        "device_id": row.device,
        "status": "success",
        "item_count": 1,
        "applied_count": 1,
        **{f"{name}_count": 0 for name in counts},
        "bytes_in": 100,
        "bytes_out": 50,
        "duration_ms": 4.0,
        "seq": row.seq,
    }


def _conflict(row: Change) -> dict[str, Any]:
    return _who_and_what(row) | {
        "conflict_id": uuid.uuid5(uuid.NAMESPACE_OID, row.event_id),
        "event_received_at": row.received_at,
        "event_id": row.event_id,
        "reason": "stale_version",
        "detection": "version",
        "severity": "medium",
        "resolution_strategy": "client_wins",
        "status": "resolved",
        "is_auto_resolved": True,
        "field_conflicts": "{}",
        "client_state": "{}",
        "server_state": "{}",
        "server_version": 1,
        "created_at": row.received_at,
        "changed_seq": row.seq,
    }


def said_row(row: Said) -> dict[str, Any]:
    """The word as edit_session_event has it."""
    return _who_and_what(row) | {
        "id": uuid.uuid5(uuid.NAMESPACE_OID, f"{row.edit_id}/{row.event}"),
        "seq": row.seq,
        "edit_id": row.edit_id,
        "event": row.event,
        "base_version": row.base_version,
        "fields": list(row.fields),
        "received_at": row.received_at,
        "expires_at": row.expires_at,
    }
