"""Which operational tables go to the lake, and which time puts a row into its day.

Columns are not listed: the database is asked, so that a migration needs no change here.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table of schema `sync`. `at` is the timestamptz column of its day; None: the whole table is one snapshot.

    `mark` is an aggregate that moves when a row of a day comes or changes, in words of both PostgreSQL and DuckDB.
    """

    name: str
    at: str | None
    description: str
    mark: str = "count(*)"


DAILY: Final = (
    RawTable("sync_log", "received_at", "A row per change that took part in a push.", "sum(seq)"),
    RawTable("sync_request", "received_at", "A row per push.", "sum(seq)"),
    RawTable("conflict_resolution", "event_received_at", "A row per detected conflict.", "sum(changed_seq)"),
    RawTable("edit_session_event", "received_at", "Presence: who has what open.", "sum(seq)"),
    RawTable(
        "prediction_log", "asked_at", "What the prediction server said, and what came of it.", "count(outcome_at)"
    ),
)

SNAPSHOTS: Final = (
    RawTable("tenant", None, "Who there is."),
    RawTable("tenant_conflict_policy", None, "Conflict policies, every version."),
    RawTable("replay_anchor", None, "How replayed histories were mapped onto time."),
    RawTable("device", None, "Devices, bound to their users."),
)

# What features are made of, and the answers that were given on them. The answers are copied first and how far the
# tenants' clocks had come is noted then, so that whatever an answer had seen is copied with it.
SEEN_BY_FEATURES: Final = ("sync_log", "edit_session_event")
ANSWERS: Final = "prediction_log"
COVERAGE: Final = "lake_coverage"
