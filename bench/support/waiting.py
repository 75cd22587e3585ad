"""The simulation for every way of asking: which warnings, heeded by how many, would have averted what."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ml import simulation
from ml.protocol import SHARE, Chosen
from ml.simulation import READINGS, SCORE, Outcome, Reading
from ml.splits import Split
from ml.tune import predict

ASKED = {"start": ("edit_start",), "open": ("edit_open",), "both": ("edit_start", "edit_open")}


@dataclass(frozen=True)
class Waiting:
    """One way of asking at one share. `goal`: the reading that chose the thresholds, or the risk that is served."""

    share: float
    asked: str
    goal: str
    thresholds: dict[str, float]
    outcome: Outcome


def waiting(slices: Split, ours: Chosen, causes: pd.DataFrame, say: Callable[[str], None]) -> list[Waiting]:
    """Every share that anybody announces at, every way of asking, every goal."""
    found = []
    for share in sorted(set(slices.holdout[SHARE].unique()) - {0.0}):
        validation, rows = (
            part.loc[part[SHARE] == share].assign(**{SCORE: lambda part: predict(ours.model, part)})
            for part in (slices.validation, slices.holdout)
        )
        known, certain = (simulation.could_avert(part, causes, share) for part in (validation, rows))
        for asked, moments in ASKED.items():
            chosen: dict[str, dict[str, float] | None] = {
                "high risk, as served": dict.fromkeys(moments, ours.threshold.value),
                "medium risk, as served": dict.fromkeys(moments, ours.threshold.medium),
            }
            reading: Reading
            for reading in READINGS:
                chosen[reading] = simulation.choose(validation, known, moments, reading)
            for goal, thresholds in chosen.items():
                if thresholds is None:
                    continue
                outcome = simulation.simulate(rows, certain, thresholds)
                found.append(Waiting(share, asked, goal, thresholds, outcome))
                averted = ", ".join(f"{r} {outcome.share_averted(r, 1.0):.0%}" for r in READINGS)
                say(f"waiting, {share:.0%}, asked at {asked}, {goal}: {outcome.warned:,} warned, averted {averted}")
    return found
