"""The online features: one statement, one round trip, for one edit or for a whole queue.

What each figure means is the feature contract's, how it is worked out `sync.online_features`'s. Here they are asked
for, and put into the order that a model wants.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from serving.database import STATEMENT_TIMEOUT, Connection

# what a queue's statement may take beyond that, by its length; about fifty times what it does take
SECONDS_AN_EDIT = 0.01

# as the function answers for a record and a user that nobody has heard of
DEFAULTS = {
    "concurrent_editors": 0.0,
    "hours_since_last_sync": 168.0,
    "user_conflict_rate": 0.0,
    "entity_edit_frequency": 0.0,
    "field_overlap_score": 0.0,
    "is_announced": 0.0,
    "versions_behind": 0.0,
    "fields_behind": 0.0,
    "fields_behind_share": 0.0,
    "hours_behind": 0.0,
    "open_edits": 0.0,
    "open_edits_same_user": 0.0,
    "open_overlap_recent": 0.0,
    "open_fields_shared": 0.0,
    "open_same_base": 0.0,
    "record_conflicts_180d": 0.0,
    "record_events_90d": 0.0,
    "type_conflict_rate": 0.02,
    "tenant_conflict_share": 0.05,
    "user_push_conflict_rate": 0.05,
    "user_open_log_seconds": math.log(86_400),
    "edit_age_hours": 0.0,
    "records_open": 1.0,
}
NAMES = tuple(DEFAULTS)

STATEMENT = f"""
SELECT item, as_of_seq, asked_at, record_version, is_hidden, {", ".join(NAMES)}
FROM sync.online_features(
  $1, $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::integer[],
  $8::double precision[], $9::jsonb)
ORDER BY item
"""


class Edit(NamedTuple):  # as Seen: a queue makes a hundred of each, and a frozen dataclass costs three times as much
    """What is asked about: a user's edit of a record, and what the client announced of it.

    fields: none, not said. base_version: the version that the client had. device_id, edit_id: what tells the edit from
    others' open edits of the record; a device that is not named takes all of its user's edits for its own.
    age_seconds: how long the client says it has been open.
    """

    user_id: str
    entity_type: str
    entity_id: str
    fields: Sequence[str] = ()
    base_version: int | None = None
    device_id: str | None = None
    edit_id: UUID | None = None
    age_seconds: float | None = None


class Seen(NamedTuple):
    """The features at `asked_at` (the database's clock), from every row with a seq up to `as_of_seq`.

    `record_version` is None for a record that is not there. `is_hidden`: the record's project shuts the user out, and
    the figures are those of a record that is not there.
    """

    as_of_seq: int
    asked_at: datetime
    record_version: int | None
    is_hidden: bool
    values: dict[str, float]


async def read(connection: Connection, tenant: str, edits: Sequence[Edit]) -> list[Seen]:
    """The features of each edit, in order, all from one snapshot. The tenant must come from a verified token."""
    rows = await connection.fetch(
        STATEMENT,
        tenant,
        [edit.user_id for edit in edits],
        [edit.device_id for edit in edits],
        [edit.entity_type for edit in edits],
        [edit.entity_id for edit in edits],
        [edit.edit_id for edit in edits],
        [edit.base_version for edit in edits],
        [edit.age_seconds for edit in edits],
        orjson.dumps([edit.fields for edit in edits]).decode(),
        timeout=STATEMENT_TIMEOUT + SECONDS_AN_EDIT * len(edits),
    )
    return [Seen(row[1], row[2], row[3], row[4], dict(zip(NAMES, row[5:], strict=True))) for row in rows]
