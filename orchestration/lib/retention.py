"""Letting go of what is too old to be asked for, through the operational database's own functions.

Each call is one short transaction over a bounded number of rows; what a call leaves behind, the next one finds. What
may go, and what has to stay, is said at the functions.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.lib import operational

AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class TenantRetention:
    """A tenant's horizon before and after, what has gone below it, and the warnings that have gone by their age."""

    tenant: str
    former: int
    horizon: int
    tombstones: int
    access_changes: int
    warnings: int


@dataclass(frozen=True, slots=True)
class Retained:
    """What a run has done: for each tenant, and the stored answers of all of them."""

    tenants: tuple[TenantRetention, ...]
    answers: int


def retain(ingest_url: str, publish_url: str, before: datetime, *, at_once: int = AT_ONCE) -> Retained:
    """Move every tenant's horizon to where its clock stood at `before`, and purge what lies below. Repeating it changes
    nothing. Raises operational.BlindReaderError when the reading role does not see every tenant."""
    import psycopg2

    with operational.connect(ingest_url) as reader:
        operational.require_sight(reader, "tenant")
        tenants = [name for (name,) in operational.rows(reader, "SELECT tenant_id FROM sync.tenant ORDER BY 1")]
    connection = psycopg2.connect(publish_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            done = tuple(_tenant(cursor, tenant, before, at_once) for tenant in tenants)
            answers = _until_none(cursor, "SELECT sync.forget_answers(%s, %s)", (before, at_once))
    finally:
        connection.close()
    return Retained(done, answers)


def _tenant(cursor: Any, tenant: str, before: datetime, at_once: int) -> TenantRetention:
    # first and by itself: from then on nobody is told that nothing is missing below it
    cursor.execute("SELECT former, horizon FROM sync.advance_horizon(%s, %s)", (tenant, before))
    former, horizon = cursor.fetchone()
    tombstones, reached = 0, 0
    while reached is not None:
        cursor.execute("SELECT emptied, reached FROM sync.empty_tombstones(%s, %s, %s)", (tenant, reached, at_once))
        emptied, reached = cursor.fetchone()
        tombstones += emptied
    forgotten = _until_none(cursor, "SELECT sync.forget_access_changes(%s, %s)", (tenant, at_once))
    warnings = _until_none(cursor, "SELECT sync.forget_warnings(%s, %s, %s)", (tenant, before, at_once))
    return TenantRetention(tenant, former or 0, horizon or 0, tombstones, forgotten, warnings)


def _until_none(cursor: Any, statement: str, arguments: tuple[object, ...]) -> int:
    """Call it until it finds nothing more; answers how much it has found."""
    total = 0
    while True:
        cursor.execute(statement, arguments)
        (found,) = cursor.fetchone()
        if not found:
            return total
        total += found
