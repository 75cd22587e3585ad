"""Have the inputs moved since a model was trained? The population stability index (PSI) of each feature.

PSI = sum over bins of (a - e) ln(a / e), with a the share of the rows looked at and e that of the training rows
(N. Siddiqi, Credit Risk Scorecards, Wiley 2006; the symmetrised Kullback-Leibler divergence). Of two samples of one
distribution it is about (1/n + 1/m) times a chi-square of (bins - 1) degrees of freedom (B. Yurdakul, Statistical
Properties of Population Stability Index, Western Michigan University 2018): less than that quantile is chance. The
edits of a push come together, so that n and m count pushes, not rows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from ml.features import FEATURE_NAMES
from ml.splits import PUSH

BINS: Final = 10
# of a finding by chance, over all features of one look
CHANCE: Final = 0.05
# a bin that one side never met would make the index infinite
HALF_A_ROW: Final = 0.5


@dataclass(frozen=True, slots=True)
class Distribution:
    """Shares of (-inf, edges[0]], (edges[0], edges[1]], ..., (edges[-1], inf), and of missing values, in this order."""

    edges: list[float]
    shares: list[float]


@dataclass(frozen=True, slots=True)
class Profile:
    """What each feature looked like in the rows that a model was made of; stored with the registered version."""

    rows: int
    pushes: int
    features: dict[str, Distribution]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Profile:
        """The inverse of `as_json`."""
        features = {name: Distribution(**one) for name, one in stored["features"].items()}
        return cls(stored["rows"], stored["pushes"], features)


@dataclass(frozen=True, slots=True)
class Drift:
    """A feature's index, and the index that chance alone stays below."""

    feature: str
    psi: float
    chance: float


def profile(rows: pd.DataFrame) -> Profile:
    """The distribution of every feature of the contract: tenths of the rows, fewer where values repeat."""
    found = {}
    for name in FEATURE_NAMES:
        values = rows[name].to_numpy(dtype=np.float64)
        known = values[~np.isnan(values)]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.zeros(1)
        shares = _counts(values, edges) / max(1, len(values))
        found[name] = Distribution(edges.tolist(), shares.tolist())
    return Profile(len(rows), _pushes(rows), found)


def drift(trained_on: Profile, rows: pd.DataFrame) -> list[Drift]:
    """Every feature of the profile that the rows have, the most moved first. No rows: none."""
    if rows.empty:
        return []
    names = [name for name in trained_on.features if name in rows.columns]
    scale = 1 / _pushes(rows) + 1 / trained_on.pushes
    found = [_drift(name, trained_on, rows[name], scale, CHANCE / len(names)) for name in names]
    return sorted(found, key=lambda one: -one.psi)


def _drift(name: str, trained_on: Profile, column: pd.Series, scale: float, level: float) -> Drift:
    before = trained_on.features[name]
    expected = np.array(before.shares) * trained_on.rows
    actual = _counts(column.to_numpy(dtype=np.float64), np.array(before.edges))
    # bins that neither side met say nothing
    met = (expected + actual) > 0
    e, a = _shares(expected[met]), _shares(actual[met])
    chance = scale * chi2.ppf(1 - level, max(1, int(met.sum()) - 1))
    return Drift(name, float(((a - e) * np.log(a / e)).sum()), float(chance))


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    smoothed = counts + HALF_A_ROW
    shares: NDArray[np.float64] = smoothed / smoothed.sum()
    return shares


def _counts(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    missing = np.isnan(values)
    bins = np.searchsorted(edges, values[~missing], side="left")
    return np.append(np.bincount(bins, minlength=len(edges) + 1), missing.sum()).astype(np.float64)


def _pushes(rows: pd.DataFrame) -> int:
    return len(rows[PUSH].drop_duplicates())
