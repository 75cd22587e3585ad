"""What is watched of a model that serves: quality and drift by day, and when somebody should look.

Pure functions of frames to small tables, a row a day and group; LIMITS are all the thresholds there are. Where rows
come from and where tables are kept is the orchestration's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from ml.drift import Profile, drift
from ml.features import MOMENTS
from ml.quality import FIGURES, Quality, quality


@dataclass(frozen=True, slots=True)
class Limits:
    """When a check warns. An interval must lie wholly beyond a limit: chance alone wakes nobody."""

    # figures are taken over so many days, each day anew
    window_days: int = 28
    # of the precision, recall and PR-AUC that the version had on its holdout
    share_of_promise: float = 0.8
    # conflicts promised by the scores over conflicts that came, or the other way round
    calibration: float = 1.5
    # a precision that rests on fewer warnings is luck
    least_warnings: int = 20
    # fewer cannot stand for all warnings
    least_withheld: int = 5
    # of the index: a shift that calls for a look, by the custom of the field
    psi: float = 0.25
    # fewer pushes show no distribution
    least_pushes: int = 30


LIMITS: Final = Limits()
EVERY: Final = "all"
PROMISED: Final = ("precision", "recall", "pr_auc")


def withheld(answers: pd.DataFrame) -> pd.DataFrame:
    """Answers as if nobody had been warned: a withheld warning stands for all of its kind, a shown one for none.

    Whoever heeds a warning erases its label. Edits without a warning were touched by none and stay as they are; the
    withheld warnings, drawn by chance, carry the weight of all warnings. Too few of them: no rows. Needs the
    column `arm`.
    """
    warned, is_withheld = answers["warned"], answers["arm"] == "withheld"
    drawn = int((warned & is_withheld).sum())
    if warned.any() and drawn < LIMITS.least_withheld:
        return answers.head(0)
    stands_for = warned.sum() / max(1, drawn)
    kept = answers.loc[~warned | is_withheld]
    return kept.assign(weight=np.where(kept["warned"], stands_for, 1.0))


def quality_by_day(answers: pd.DataFrame, days: Sequence[date], *, arm: str, version: str) -> pd.DataFrame:
    """A row for each day with answers in its window, pooled, by moment and by tenant (null: all of them).

    A row of `answers` counts on the UTC day of its `received_at`, on which its outcome became known.
    """
    known = answers["received_at"].dt.date
    table = []
    for day in days:
        window = answers.loc[(known > _before(day, LIMITS.window_days)) & (known <= day)]
        if window.empty:
            continue
        groups: list[tuple[str | None, str, pd.DataFrame]] = [(None, EVERY, window)]
        groups += [(None, m, window.loc[window["moment"] == m]) for m in MOMENTS]
        groups += [(str(t), EVERY, rows) for t, rows in window.groupby("tenant_id")]
        for tenant, moment, rows in groups:
            named = {"day": day, "arm": arm, "version": version, "tenant_id": tenant, "moment": moment}
            table.append(named | _row(quality(withheld(rows) if arm == "withheld" else rows)))
    return pd.DataFrame(table, columns=["day", "arm", "version", "tenant_id", "moment", *_columns()])


def drift_by_day(trained_on: Profile, rows: pd.DataFrame, days: Sequence[date], *, version: str) -> pd.DataFrame:
    """A row for each day and feature, over the rows received in the day's window."""
    known = rows["received_at"].dt.date
    table = []
    for day in days:
        window = rows.loc[(known > _before(day, LIMITS.window_days)) & (known <= day)]
        pushes = len(window[["tenant_id", "sync_session_id"]].drop_duplicates())
        for found in drift(trained_on, window):
            moved = found.psi > max(LIMITS.psi, found.chance) and pushes >= LIMITS.least_pushes
            table.append({
                "day": day, "version": version, "feature": found.feature, "rows": len(window), "pushes": pushes,
                "psi": found.psi, "chance": found.chance, "has_drifted": moved,
            })  # fmt: skip
    columns = ["day", "version", "feature", "rows", "pushes", "psi", "chance", "has_drifted"]
    return pd.DataFrame(table, columns=columns)


def shortfalls(latest: Mapping[str, Any], promised: Mapping[str, float]) -> list[str]:
    """What the pooled row of a day says against the version: in words, none where there was too little to judge by."""
    found = []
    for name in PROMISED:
        high, least = _number(latest, f"{name}_high"), LIMITS.share_of_promise * promised.get(name, 0.0)
        rests_on_luck = name == "precision" and latest["warnings"] < LIMITS.least_warnings
        if high < least and not rests_on_luck:
            found.append(f"{name} is at most {high:.3f}, less than {least:.3f}")
    low, high = (_number(latest, f"calibration_ratio_{end}") for end in ("low", "high"))
    if low > LIMITS.calibration or high < 1 / LIMITS.calibration:
        found.append(f"scores promise {low:.2f} to {high:.2f} times the conflicts that come")
    return found


def _row(found: Quality) -> dict[str, Any]:
    row: dict[str, Any] = {
        "rows": found.rows, "conflicts": found.positives, "warnings": found.warnings, "is_enough": found.is_enough,
    }  # fmt: skip
    for name, figure in found.figures.items():
        row |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    return row


def _columns() -> list[str]:
    figures = [column for name in FIGURES for column in (name, f"{name}_low", f"{name}_high")]
    return ["rows", "conflicts", "warnings", "is_enough", *figures]


def _before(day: date, days: int) -> date:
    return date.fromordinal(day.toordinal() - days)


def _number(row: Mapping[str, Any], name: str) -> float:
    """A figure, or NaN, which is neither less nor more than any limit."""
    value = row.get(name)
    return float("nan") if value is None else float(value)
