"""Which features may only raise the risk, and whether a model keeps to it.

Whoever is further behind, shares more fields with others or has more of them beside him is never safer for it. Data
alone does not teach that: where few rows of the past are hundreds of versions behind, a fit runs on in whatever
direction chance gave it. So every candidate is held to the signs below (`ml.estimators`), and the gate asks the model
that serves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.evaluate import Scores
from runtime import CompiledModel

# What is so at the moment of asking, and makes for a conflict by its nature. Rates and counts of the past are evidence,
# and data tells which way they point; nor does anybody know beforehand what it means that somebody synced long ago.
RISING: Final = frozenset(
    {
        "concurrent_editors",
        "field_overlap_score",
        "versions_behind",
        "fields_behind",
        "fields_behind_share",
        "hours_behind",
        "open_edits",
        "open_overlap_recent",
        "open_fields_shared",
        "open_same_base",
    }
)

PROBED: Final = 100
# values that rows have, and some that none has: what the past has not seen is asked about too
WITHIN: Final = np.linspace(0.0, 1.0, 9)
BEYOND: Final = (1.5, 10.0, 1e3, 1e6)
# the exponential of another machine may round otherwise
ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Fall:
    """A feature whose rise lowered the probability, and by how much at most."""

    feature: str
    by: float


def signs(names: Iterable[str], rising: Collection[str] = RISING) -> list[int]:
    """1 for a feature that may only raise the risk, 0 for one that may do either; in the order of `names`."""
    return [int(name in rising) for name in names]


def falls(model: CompiledModel, rows: pd.DataFrame) -> list[Fall]:
    """The rising features that lower the probability of some of `rows` somewhere on their way up; the worst first.

    The way goes through the values that the rows have and on to a million times the largest. Features that the model
    does not take are not asked about; nor is a model of which no row is given.
    """
    names = list(model.manifest.names)
    defaults = dict(zip(names, model.manifest.defaults, strict=True))
    table = rows[names].fillna(defaults).to_numpy(dtype=np.float64)
    asked = table[np.linspace(0, len(table) - 1, min(len(table), PROBED)).astype(int)] if len(table) else table
    found = [Fall(name, _fall(model, asked, column, _steps(table[:, column])))
             for column, name in enumerate(names) if name in RISING and len(asked)]  # fmt: skip
    return sorted((fall for fall in found if fall.by > ROUNDING), key=lambda fall: -fall.by)


def _steps(values: Scores) -> Scores:
    top = max(1.0, float(values.max()))
    steps: Scores = np.unique([*np.quantile(values, WITHIN), *(top * factor for factor in BEYOND)])
    return steps


def _fall(model: CompiledModel, rows: NDArray[np.float64], column: int, steps: Scores) -> float:
    raised = np.repeat(rows[None, :, :], len(steps), axis=0)
    raised[:, :, column] = steps[:, None]
    probabilities = model.predict(raised.reshape(-1, rows.shape[1])).reshape(len(steps), len(rows))
    return float(-np.diff(probabilities, axis=0).min(initial=0.0))
