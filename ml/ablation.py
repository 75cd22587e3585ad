"""What carries a model: the same candidate without a group of features; and what could be seen of the conflicts.

A feature is taken away by giving it its default everywhere, in the past as in the rows that are judged. What the signs
cost that a candidate is held to (`ml.monotone`) is measured beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from sklearn.metrics import average_precision_score

from ml.estimators import Candidate
from ml.features import DEFAULTS, FEATURE_NAMES, MOMENTS, TARGET
from ml.protocol import SHARE, PrAucs, at
from ml.splits import Split
from ml.tune import fit, predict

_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "the five": FEATURE_NAMES[:5],
    "what the client is behind on": ("versions_behind", "fields_behind", "fields_behind_share", "hours_behind"),
    "others' open edits": (
        "open_edits", "open_edits_same_user", "open_overlap_recent", "open_fields_shared", "open_same_base",
    ),
    "history of the record": ("record_conflicts_180d", "record_events_90d"),
    "rates of type, tenant and user": (
        "type_conflict_rate", "tenant_conflict_share", "user_push_conflict_rate", "user_open_log_seconds",
    ),
    "age and size of what is open": ("edit_age_hours", "records_open"),
}  # fmt: skip
# those whose features the contract has
GROUPS: Final = {
    name: known for name, members in _GROUPS.items() if (known := tuple(n for n in members if n in FEATURE_NAMES))
}
ALL: Final = "all features"
FREE: Final = "the signs"
NOTHING: Final = "else: nothing to be seen"


@dataclass(frozen=True, slots=True)
class State:
    """What could be seen when asked: the share of questions and of conflicts in that state, and how many collide."""

    moment: str
    name: str
    questions: float
    conflicts: float
    precision: float


def ablation(slices: Split, candidate: Candidate, say: Callable[[str], None]) -> dict[str, PrAucs]:
    """Group left out (FREE: none, but no sign is kept) → PR-AUCs on the latest slice."""
    found: dict[str, PrAucs] = {}
    for name, members in {ALL: (), **GROUPS, FREE: ()}.items():
        without = {feature: DEFAULTS[feature] for feature in members}
        tried = replace(candidate, rising=frozenset()) if name == FREE else candidate
        model = fit(tried, slices.train.assign(**without))
        scored = slices.holdout.assign(score=predict(model, slices.holdout.assign(**without)))
        found[name] = {
            (moment, share): float(average_precision_score(rows[TARGET], rows["score"]))
            for moment in MOMENTS
            for share in sorted(scored[SHARE].unique())
            if len(rows := at(scored, share, moment))
        }
        say(f"without {name}: " + ", ".join(f"{m} {s:.0%} {v:.3f}" for (m, s), v in found[name].items()))
    return found


def states(slices: Split, share: float) -> list[State]:
    """Where the conflicts of the latest slice come from, by the first of these that can be seen at the moment."""
    seen = {
        "others have already written an announced field since the base": "fields_behind",
        "else: another open edit on an announced field": "open_overlap_recent",
        "else: behind on the record": "versions_behind",
        "else: another open edit on the record": "open_edits",
    }
    if not set(seen.values()) <= set(FEATURE_NAMES):
        return []
    found = []
    for moment in MOMENTS:
        rows = at(slices.holdout, share, moment)
        names = [*seen, NOTHING]
        state = np.select([rows[name] > 0 for name in seen.values()], list(seen), NOTHING)
        for name in names:
            labels = rows.loc[state == name, TARGET]
            conflicts = labels.sum() / rows[TARGET].sum()
            found.append(State(moment, name, len(labels) / len(rows), conflicts, labels.mean() if len(labels) else 0.0))
    return found
