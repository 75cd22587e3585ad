"""The question about a whole push: will any of its records collide? One row for a push and moment, out of its records.

The columns are those of the contract, so that whatever works on rows of records works on these. A client asks about all
that it has begun by then; what becomes of the rest counts in the label, and is not seen.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from ml.announcements import DRAW, SILENT_OVERLAP
from ml.features import FEATURE_NAMES, TARGET
from ml.features import manifest_features as record_features
from ml.splits import PUSH

QUESTION: Final = [*PUSH, "moment"]
EVERY: Final = "*"
# of the records of a push the worst counts: the one that was synced last, and for these how much there is in all
LEAST: Final = frozenset({"hours_since_last_sync"})
ADDED: Final = frozenset({"fields_behind", "open_overlap_recent", "records_open"})


def how(feature: str) -> str:
    """How a feature of a push comes from those of its records: `max`, `min` or `sum`."""
    return "min" if feature in LEAST else "sum" if feature in ADDED else "max"


def manifest_features() -> list[dict[str, Any]]:
    """The contract as a push model's manifest stores it: what serves finds in `of_records` how to make a push's row."""
    return [feature | {"of_records": how(str(feature["name"]))} for feature in record_features()]


def questions(frame: pd.DataFrame) -> pd.DataFrame:
    """One row for each (push, moment) of a training set's frame, with the frame's columns, by received_at.

    `edit_start` is the beginning of the push's first edit; records begun later are not asked about. The label is
    that of any record of the push.
    """
    first = frame.groupby(QUESTION, sort=False)["asked_at"].transform("min")
    asked = frame.loc[frame["asked_at"] == first]
    whole = dict.fromkeys(("user_id", "device_id", "asked_at"), "first")
    whole |= dict.fromkeys(("as_of_seq", "is_mapped_time", SILENT_OVERLAP, DRAW), "max")
    rows = asked.groupby(QUESTION, sort=False).agg(whole | {name: how(name) for name in FEATURE_NAMES}).reset_index()
    rows = rows.astype(dict.fromkeys(FEATURE_NAMES, "float64"))
    fate = frame.groupby(PUSH, sort=False).agg({"received_at": "max", TARGET: "any"}).reset_index()
    rows = rows.merge(fate, on=PUSH, validate="many_to_one")
    rows = rows.assign(event_id=rows["sync_session_id"], entity_type=EVERY, entity_id=EVERY)
    return rows[list(frame.columns)].sort_values(["received_at", *QUESTION], ignore_index=True)
