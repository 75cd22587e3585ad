"""The feature contract: what a model is given, in which order, and what each figure means.

Definitions only. The figures are computed online by the prediction server's feature statement and offline by the
warehouse; both answer with exactly these names. A model keeps the contract it was trained on in its manifest.
`docs/features.md` is this page for readers: `python -m ml.feature_page` writes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

Moment = Literal["edit_start", "edit_open"]

MOMENTS: Final[tuple[Moment, ...]] = ("edit_start", "edit_open")
FEATURE_SET: Final = "twentythree-v3"
TARGET: Final = "conflict_occurred"


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model, seen at the moment *t* at which a client asks.

    is_of_announcement: at its default for whoever announced neither fields nor a version, whatever there is to know.
    """

    name: str
    unit: str
    default: float
    meaning: str
    is_of_announcement: bool = False
    dtype: str = "float64"
    computed_online: str = "sync.online_features"
    computed_offline: str = "dbt_project/models/features"


FEATURES: Final[tuple[Feature, ...]] = (
    Feature(
        name="concurrent_editors",
        unit="users",
        default=0.0,
        meaning="Distinct other users with an event on the record in the five minutes before t, "
        "or with an edit of it open at t.",
    ),
    Feature(
        name="hours_since_last_sync",
        unit="hours",
        default=168.0,
        meaning="Hours since the user's last received event on the record, capped at 168.",
    ),
    Feature(
        name="user_conflict_rate",
        unit="percent",
        default=0.0,
        meaning="100 x the user's events that conflicted / the user's events.",
    ),
    Feature(
        name="entity_edit_frequency",
        unit="events per day",
        default=0.0,
        meaning="Events on the record / max(1, days since its first event).",
    ),
    Feature(
        name="field_overlap_score",
        unit="probability",
        default=0.0,
        meaning="Chance that the edit touches a field which others' last 20 events on the record touched: "
        "1 - product over fields of (1 - p_f q_f).",
    ),
    Feature(
        name="is_announced",
        unit="0 or 1",
        default=0.0,
        meaning="The fields that the edit touches, or the version that it began from, are known.",
        is_of_announcement=True,
    ),
    Feature(
        name="versions_behind",
        unit="versions",
        default=0.0,
        meaning="Versions of the record since the one that the edit began from.",
        is_of_announcement=True,
    ),
    Feature(
        name="fields_behind",
        unit="fields",
        default=0.0,
        meaning="Announced fields that the events of those versions touch; a delete touches all.",
        is_of_announcement=True,
    ),
    Feature(
        name="fields_behind_share",
        unit="share",
        default=0.0,
        meaning="fields_behind / announced fields.",
        is_of_announcement=True,
    ),
    Feature(
        name="hours_behind",
        unit="hours",
        default=0.0,
        meaning="Hours since the first of those versions was received.",
        is_of_announcement=True,
    ),
    Feature(
        name="open_edits",
        unit="edits",
        default=0.0,
        meaning="Edits of the record that are open at t, of other users or of the same user on another device.",
    ),
    Feature(
        name="open_edits_same_user",
        unit="edits",
        default=0.0,
        meaning="Those of them that are of the same user on another device.",
    ),
    Feature(
        name="open_overlap_recent",
        unit="edits",
        default=0.0,
        meaning="Sum of exp(-age / 72 hours) over those of them that announce a field which this edit announced.",
        is_of_announcement=True,
    ),
    Feature(
        name="open_fields_shared",
        unit="fields",
        default=0.0,
        meaning="Announced fields that any of them announces too.",
        is_of_announcement=True,
    ),
    Feature(
        name="open_same_base",
        unit="edits",
        default=0.0,
        meaning="Those of them that began from the version from which this edit did.",
        is_of_announcement=True,
    ),
    Feature(
        name="record_conflicts_180d",
        unit="events",
        default=0.0,
        meaning="Timed events on the record of the last 180 days that conflicted, at most 100.",
    ),
    Feature(
        name="record_events_90d",
        unit="events",
        default=0.0,
        meaning="Events on the record of the last 90 days, at most 100.",
    ),
    Feature(
        name="type_conflict_rate",
        unit="share",
        default=0.02,
        meaning="(c + 20 g) / (n + 20) over the type's timed events, c of which conflicted; "
        "g = (C + 1) / (N + 50) over the tenant's.",
    ),
    Feature(
        name="tenant_conflict_share",
        unit="share",
        default=0.05,
        meaning="(c + 1) / (n + 20) over the tenant's last 200 timed pushes, c of which conflicted.",
    ),
    Feature(
        name="user_push_conflict_rate",
        unit="share",
        default=0.05,
        meaning="(c + 5 h) / (n + 5) over the user's timed pushes, c of which conflicted; "
        "h = (C + 1) / (N + 20) over the tenant's.",
    ),
    Feature(
        name="user_open_log_seconds",
        unit="ln s",
        default=math.log(86_400),
        meaning="How long the user's timed pushes had been open: (sum of ln max(60, seconds) + 5 m) / (n + 5), "
        "m the mean of the tenant's last 200, ln 86400 without any.",
    ),
    Feature(
        name="edit_age_hours",
        unit="hours",
        default=0.0,
        meaning="Hours since the edit began: as the client says, else since its first announcement.",
    ),
    Feature(
        name="records_open",
        unit="records",
        default=1.0,
        meaning="Records that the question is about: 1, and of a push as many as it has.",
    ),
)

FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
DEFAULTS: Final[dict[str, float]] = {feature.name: feature.default for feature in FEATURES}


def manifest_features() -> list[dict[str, Any]]:
    """The contract as a compiled model's manifest stores it: name, dtype, unit, default, meaning; in order."""
    return [
        {"name": f.name, "dtype": f.dtype, "unit": f.unit, "default": f.default, "meaning": f.meaning} for f in FEATURES
    ]
