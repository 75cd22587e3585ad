"""What warnings would have been worth on held-out history: who is warned waits until the others have synced.

Two readings of a conflict averted. *Simple*: any heeded warning of a push that would have conflicted. *Strict*: only
where every write that it collided with had been received by then, or belonged to an edit that was announced and open:
otherwise waiting would have helped by luck. A push is warned once, at the first of the moments that it is asked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import TARGET
from ml.splits import PUSH

Reading = Literal["simple", "strict"]
READINGS: Final[tuple[Reading, ...]] = ("simple", "strict")
SCORE: Final = "score"
# on validation, so that the goal of 5 is kept on what follows
MOST_WARNINGS: Final = 4.5
TRIED: Final = (0.5, 0.6, 0.7, 0.75, 0.8, 0.84, 0.87, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of so many pushes and conflicts, how many were warned, and what that averts if every warning is heeded."""

    pushes: int
    conflicts: int
    warned: int
    simple: int
    strict: int

    def averted(self, reading: Reading) -> int:
        """Conflicts that heeded warnings avert."""
        return self.simple if reading == "simple" else self.strict

    def share_averted(self, reading: Reading, compliance: float) -> float:
        """Of all conflicts, when this share of the warnings is heeded."""
        return compliance * self.averted(reading) / max(1, self.conflicts)

    def warnings_per_averted(self, reading: Reading, compliance: float = 1.0) -> float:
        """Warnings shown for each conflict averted."""
        return self.warned / max(1e-9, compliance * self.averted(reading))

    def needless_per_100(self, reading: Reading, compliance: float) -> float:
        """Waits that averted nothing, per 100 pushes."""
        return 100 * compliance * (self.warned - self.averted(reading)) / max(1, self.pushes)


def could_avert(rows: pd.DataFrame, causes: pd.DataFrame, share: float) -> NDArray[np.bool_]:
    """For each question about a push: whether waiting from then on averts its conflict for certain. bool[n].

    `causes` has a row for each write that a push collided with: received_at, began_at, announced_from (the share of
    announcing clients from which on the other edit was announced).
    """
    asked = rows[[*PUSH, "asked_at"]].assign(row=np.arange(len(rows)))
    met = asked.merge(causes, on=PUSH)
    is_seen = (met["received_at"] < met["asked_at"]) | (
        (met["began_at"] < met["asked_at"]) & (met["announced_from"] <= share)
    )
    certain = is_seen.groupby(met["row"]).all()
    found = np.zeros(len(rows), dtype=np.bool_)
    found[certain.index[certain].to_numpy()] = True
    found[~rows[TARGET].to_numpy()] = False
    return found


def simulate(rows: pd.DataFrame, certain: NDArray[np.bool_], thresholds: dict[str, float]) -> Outcome:
    """Questions about pushes (with SCORE), warned at the threshold of their moment; moments not named are not asked."""
    everyone = rows.drop_duplicates(PUSH)
    at = rows["moment"].map(thresholds).astype("float64").fillna(np.inf)
    warned = rows.assign(certain=certain).loc[(rows[SCORE] >= at).to_numpy()]
    warned = warned.sort_values("asked_at", kind="stable").drop_duplicates(PUSH)
    return Outcome(
        pushes=len(everyone),
        conflicts=int(everyone[TARGET].sum()),
        warned=len(warned),
        simple=int(warned[TARGET].sum()),
        strict=int(warned["certain"].sum()),
    )


def choose(
    rows: pd.DataFrame, certain: NDArray[np.bool_], moments: Sequence[str], reading: Reading
) -> dict[str, float] | None:
    """The thresholds that avert the most at no more than MOST_WARNINGS for each; None where nothing keeps to that."""
    tried = [np.quantile(rows.loc[rows["moment"] == moment, SCORE], TRIED) for moment in moments]
    best, most = None, 0
    for values in product(*tried):
        thresholds = dict(zip(moments, map(float, values), strict=True))
        outcome = simulate(rows, certain, thresholds)
        if outcome.averted(reading) > most and outcome.warnings_per_averted(reading) <= MOST_WARNINGS:
            best, most = thresholds, outcome.averted(reading)
    return best
