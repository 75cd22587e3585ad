"""Two ways in which the operational log can be wrong without anybody noticing. Looking; what follows is the checks'.

Rows point at rows of the partitioned log by (received_at, id) and no foreign key holds them to it, so that a month can
be taken off. What points at a time before the tenant's oldest row of the log is therefore no orphan.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from orchestration.lib import operational

LOG, DEFAULT_PARTITION = "sync_log", "sync_log_default"
MOST_NAMED = 50

# name → (table, (tenant_id, its own id, received_at, id of the event)). `{window}` cuts each to the days looked at.
REFERENCES = {
    "conflict_resolution.event_id": (
        "conflict_resolution",
        "SELECT tenant_id, conflict_id, event_received_at, event_id FROM sync.conflict_resolution WHERE {window}",
    ),
    "conflict_resolution.conflicted_with": (
        "conflict_resolution",
        "SELECT tenant_id, conflict_id, (rival ->> 'received_at')::timestamptz, (rival ->> 'id')::uuid "
        "FROM sync.conflict_resolution, jsonb_array_elements(conflicted_with) AS rival WHERE {window}",
    ),
    "prediction_log.event_id": (
        "prediction_log",
        "SELECT tenant_id, prediction_id, event_received_at, event_id FROM sync.prediction_log "
        "WHERE event_id IS NOT NULL AND {window}",
    ),
}
TIMES = {"conflict_resolution": "event_received_at", "prediction_log": "asked_at"}

ORPHANS = """
SELECT r.tenant_id, r.own_id::text, r.received_at::text, r.event_id::text
FROM ({references}) AS r (tenant_id, own_id, received_at, event_id)
WHERE NOT EXISTS (
    SELECT FROM sync.sync_log AS l
    WHERE l.tenant_id = r.tenant_id AND l.received_at = r.received_at AND l.id = r.event_id)
  AND r.received_at >= coalesce(
    (SELECT min(l.received_at) FROM sync.sync_log AS l WHERE l.tenant_id = r.tenant_id), '-infinity')
LIMIT {most}
"""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A row that points at an event which is not there."""

    reference: str
    tenant: str
    own_id: str
    received_at: str
    event_id: str


def months_missing(url: str) -> dict[str, int]:
    """Month → rows that stand in the log's default partition, where none should: nobody had made their month."""
    with _reader(url) as connection:
        ((size,),) = operational.rows(connection, f"SELECT pg_relation_size('sync.{DEFAULT_PARTITION}')")
        if not size:  # as it should be; counting its rows would walk the whole log
            return {}
        query = f"SELECT to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM'), count(*) FROM sync.{LOG} "
        here = f"WHERE tableoid = 'sync.{DEFAULT_PARTITION}'::regclass GROUP BY 1 ORDER BY 1"
        return dict(operational.rows(connection, query + here))


def orphans(url: str, window: tuple[date, date]) -> list[Orphan]:
    """Rows of the window (first day, day after the last; UTC) that point at no event; at most 50 of each kind."""
    first, beyond = (f"'{day.isoformat()}T00:00:00Z'" for day in window)
    found = []
    with _reader(url) as connection:
        for name, (table, references) in REFERENCES.items():
            at = TIMES[table]
            references = references.format(window=f"{at} >= {first} AND {at} < {beyond}")
            query = ORPHANS.format(references=references, most=MOST_NAMED)
            found += [Orphan(name, *row) for row in operational.rows(connection, query)]
    return found


@contextmanager
def _reader(url: str) -> Iterator[Any]:
    with operational.connect(url) as connection:
        for table in (LOG, *TIMES):
            operational.require_sight(connection, table)
        yield connection
