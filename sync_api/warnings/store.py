"""What warnings read and write: the edits that others have stirred, a warning once for an edit, those to be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import asyncpg
import orjson

from sync_api.db.session import Connection
from sync_api.edits.presence import Edit
from sync_api.edits.risk import Word
from sync_api.stream import events
from sync_api.stream.listener import News
from sync_api.stream.store import through

EDIT = tuple(field.name for field in fields(Edit))
STIRRED = "SELECT * FROM sync.stream_stirred_edits($1, $2, $3::text[]::jsonb[], $4)"

# Taken before the edits are looked at: nobody can close one between that and the warning.
CLOCK = "UPDATE sync.tenant_clock SET seq = seq + $2 WHERE tenant_id = $1 RETURNING seq - $2"

WARN = """
INSERT INTO sync.edit_warning (tenant_id, edit_id, seq, user_id, entity_type, entity_id, conflict_probability,
  threshold, warning_message, prediction_id)
SELECT $1, w.edit_id, $2 + w.n, e.user_id, e.entity_type, e.entity_id, w.probability, w.threshold, w.message,
  w.prediction_id
FROM unnest($3::uuid[], $4::float8[], $5::float8[], $6::text[], $7::uuid[]) WITH ORDINALITY
  AS w (edit_id, probability, threshold, message, prediction_id, n)
CROSS JOIN LATERAL (
  SELECT e.* FROM sync.edit_session_event AS e
  WHERE e.tenant_id = $1 AND e.edit_id = w.edit_id ORDER BY e.seq DESC LIMIT 1
) AS e
WHERE e.event <> 'closed' AND e.expires_at > now()
ON CONFLICT DO NOTHING
"""

# The same as `sync.stream_warnings` for one user, when somebody comes back: through the tenant's own policies.
MISSED = """
SELECT w.tenant_id, w.user_id, w.seq, w.edit_id, w.entity_type, w.entity_id, w.conflict_probability, w.threshold,
  w.warning_message, w.prediction_id
FROM sync.edit_warning AS w
CROSS JOIN LATERAL (
  SELECT e.event, e.expires_at FROM sync.edit_session_event AS e
  WHERE e.tenant_id = $1 AND e.edit_id = w.edit_id ORDER BY e.seq DESC LIMIT 1
) AS e
LEFT JOIN sync.record AS r ON r.tenant_id = $1 AND r.entity_type = w.entity_type AND r.entity_id = w.entity_id
WHERE w.tenant_id = $1 AND w.user_id = $2 AND w.seq > $3 AND w.seq <= $4
  AND e.event <> 'closed' AND e.expires_at > now()
  AND (r.project_id IS NULL OR EXISTS (
    SELECT FROM sync.project_member AS m
    WHERE m.tenant_id = $1 AND m.project_id = r.project_id AND m.user_id = $2 AND m.revoked_at IS NULL))
ORDER BY w.seq LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Look:
    """At what has happened after a place in a tenant's order, for the edits of these users."""

    tenant: str
    users: frozenset[str]
    after: int


@dataclass(frozen=True, slots=True)
class Stirred:
    """An open edit on whose record somebody else has pushed or announced something, at `seq` for the last time."""

    tenant: str
    seq: int
    edit: Edit


async def stirred(connection: Connection, looks: Sequence[Look], most: int) -> list[Stirred]:
    """The open edits that others have stirred."""
    rows = await connection.fetch(
        STIRRED,
        [look.tenant for look in looks],
        [look.after for look in looks],
        [orjson.dumps(dict.fromkeys(look.users)).decode() for look in looks],
        most,
    )
    return [
        Stirred(
            row["tenant"], row["seq"], Edit(**{name: row[name] for name in EDIT} | {"fields": tuple(row["fields"])})
        )
        for row in rows
    ]


async def warn(connection: Connection, tenant: str, risen: Sequence[tuple[Edit, Word]]) -> None:
    """Write the warnings down, except of edits that were warned about before or are no longer open."""
    start = await connection.fetchval(CLOCK, tenant, len(risen))
    await connection.execute(
        WARN,
        tenant,
        start,
        [edit.edit_id for edit, _ in risen],
        [word.conflict_probability for _, word in risen],
        [word.threshold for _, word in risen],
        [word.warning_message for _, word in risen],
        [word.prediction_id for _, word in risen],
    )


async def missed(connection: Connection, tenant: str, user: str, since: int, until: int, limit: int) -> list[News]:
    """The warnings about the user's edits after `since`, oldest first, at most `limit`."""
    return _news(await connection.fetch(MISSED, tenant, user, since, until, limit))


async def warnings(connection: Connection, moved: Mapping[str, tuple[int, int]]) -> list[News]:
    """Every warning that is due to be told. moved: tenant → (after, until)."""
    return await through(connection, "SELECT * FROM sync.stream_warnings($1, $2, $3, $4)", moved, _news)


def _news(rows: Sequence["asyncpg.Record | tuple[Any, ...]"]) -> list[News]:
    return [News(tenant, user, seq, events.warning(*rest)) for tenant, user, seq, *rest in rows]
