"""Is a training needed, and why? A pure answer to a few facts; who asks and who then trains is the orchestration's.

Facts are held against the newest version, whatever the gate said of it: what a fresh training did not cure, the same
training does not cure a day later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd

from ml.dataset import MIN_EVENTS, TrainingSet
from ml.features import TARGET
from ml.registry import Version
from ml.tracking import DATA_UNTIL


@dataclass(frozen=True, slots=True)
class Limits:
    """When a training is worth its cost."""

    # of all edits to learn from: that many new ones move a model
    share_of_new: float = 0.25
    # and that many conflicts among them, as many as the gate wants to judge by
    least_conflicts: int = 20
    # before drift or a broken promise asks again
    rest_days: float = 3.0
    # the weekly training has failed, or found nobody to run it, twice
    oldest_days: float = 15.0


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the newest version stands; `newest` is None before the first, and what follows it then counts everything.

    `events` and `new_events` count edits that can be learnt from, in the training window; new is what came after the
    newest version's training set. `drifted` names features, `shortfalls` are sentences, both of the champion.
    """

    newest: str | None
    is_sufficient: bool
    events: int
    new_events: int
    new_conflicts: int
    days_since: float
    drifted: Sequence[str] = ()
    shortfalls: Sequence[str] = ()


def standing(
    rows: TrainingSet, newest: Version | None, now: datetime, *, drifted: Sequence[str], shortfalls: Sequence[str]
) -> Standing:
    """The facts at `now` (aware), from today's training set and the newest registered version."""
    frame, days = rows.frame, 0.0
    since = frame
    if newest is not None:
        # a version of before this tag had seen what there was when it was made
        until = pd.Timestamp(newest.tags.get(DATA_UNTIL, newest.created_at.isoformat()))
        since = frame.loc[frame["received_at"] > until]
        days = (now - newest.created_at).total_seconds() / 86_400
    return Standing(
        newest=newest.version if newest else None,
        is_sufficient=rows.is_sufficient,
        events=len(_events(frame)),
        new_events=len(_events(since)),
        new_conflicts=len(_events(since.loc[since[TARGET]])),
        days_since=days,
        drifted=drifted,
        shortfalls=shortfalls,
    )


def reason_to_train(now: Standing) -> str | None:
    """Why a training is needed, in words; None when it is not."""
    if now.newest is None:
        return f"there is no version yet, and {MIN_EVENTS:,} events to learn from" if now.is_sufficient else None
    if not now.is_sufficient or now.new_events == 0:
        # too little to learn from, or the same rows again
        return None
    reasons = [_enough_new(now), _old(now), *(_troubles(now) if now.days_since >= LIMITS.rest_days else ())]
    return "; ".join(reason for reason in reasons if reason) or None


def _enough_new(now: Standing) -> str | None:
    if now.new_events < LIMITS.share_of_new * now.events or now.new_conflicts < LIMITS.least_conflicts:
        return None
    return f"{now.new_events:,} of {now.events:,} edits, {now.new_conflicts:,} in conflict, are new to {_name(now)}"


def _old(now: Standing) -> str | None:
    return f"{_name(now)} is {now.days_since:.0f} days old" if now.days_since >= LIMITS.oldest_days else None


def _troubles(now: Standing) -> list[str]:
    moved = [f"drift of {', '.join(now.drifted)}"] if now.drifted else []
    return [*moved, *now.shortfalls]


def _name(now: Standing) -> str:
    return f"version {now.newest}"


def _events(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["tenant_id", "event_id"]].drop_duplicates()
