"""The feature contract: what a model is given, in which order, and what each figure means.

Definitions only. The figures are computed online by the prediction server's feature statement and offline by the
warehouse; both answer with exactly these names. A model keeps the contract it was trained on in its manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Moment = Literal["edit_start", "edit_open"]

MOMENTS: Final[tuple[Moment, ...]] = ("edit_start", "edit_open")
FEATURE_SET: Final = "five-v1"
TARGET: Final = "conflict_occurred"


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model, seen at the moment *t* at which a client asks."""

    name: str
    unit: str
    default: float
    meaning: str
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
)

FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
DEFAULTS: Final[dict[str, float]] = {feature.name: feature.default for feature in FEATURES}


def manifest_features() -> list[dict[str, str | float]]:
    """The contract as a compiled model's manifest stores it: name, dtype, unit, default, meaning; in order."""
    return [
        {"name": f.name, "dtype": f.dtype, "unit": f.unit, "default": f.default, "meaning": f.meaning} for f in FEATURES
    ]
