"""The feature contract: what a model is given, in which order, and what each figure means.

Definitions only. The figures are computed online by the prediction server's feature statement and offline by the
warehouse; both answer with exactly these names. A model keeps the contract it was trained on in its manifest.
`docs/features.md` is this page for readers: `python -m ml.feature_page` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Moment = Literal["edit_start", "edit_open"]

MOMENTS: Final[tuple[Moment, ...]] = ("edit_start", "edit_open")
FEATURE_SET: Final = "fifteen-v2"
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
)

FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
DEFAULTS: Final[dict[str, float]] = {feature.name: feature.default for feature in FEATURES}


def manifest_features() -> list[dict[str, Any]]:
    """The contract as a compiled model's manifest stores it: name, dtype, unit, default, meaning; in order."""
    return [
        {"name": f.name, "dtype": f.dtype, "unit": f.unit, "default": f.default, "meaning": f.meaning} for f in FEATURES
    ]
