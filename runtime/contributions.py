"""What each feature contributes to an answer: Shapley values against one reference row, exact, and adding up.

For a game in which a feature is either as it is or as in the reference, Shapley's value is the only division of
score(x) - score(reference) that adds up, treats equals alike and gives nothing to what changes nothing (Lundberg and
Lee, "A Unified Approach to Interpreting Model Predictions", 2017; with one reference: Sundararajan and Najmi, "The
many Shapley values for model explanation", 2020, there "baseline Shapley").

Trees need no enumeration of subsets: a leaf is reached exactly when some features are as they are and some others as
in the reference (the interventional case of Lundberg et al., "From local explanations to global understanding with
explainable AI for trees", 2020). How a tree is walked is in `runtime.trees`.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import factorial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runtime.trees import TreeWalker

Scale = Literal["probability", "log_odds"]


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """`reference` + sum(`values`) = `score`, on the scale on which the model adds. `values`: float64[F]."""

    scale: Scale
    reference: float
    score: float
    values: NDArray[np.float64]


def of_trees(
    walker: TreeWalker, x: NDArray[np.float64], reference: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """The trees' sum at `reference`, and each feature's part in what it becomes at `x` (both float64[F])."""
    leaves, own, other = walker.between(x, reference)
    n_own, n_other = own.sum(axis=1), other.sum(axis=1)
    weights = _weights(len(x))
    gained, lost = leaves * weights[n_own, n_other], leaves * weights[n_other, n_own]
    return float(leaves[n_own == 0].sum()), gained @ own - lost @ other


@lru_cache(maxsize=4)
def _weights(n_features: int) -> NDArray[np.float64]:
    """[a, b]: the share of all orders in which the last of `a` features comes before the first of `b` others, and is
    a given one of the `a`: (a - 1)! b! / (a + b)!"""
    sizes = range(n_features + 1)
    return np.array([[factorial(a - 1) * factorial(b) / factorial(a + b) if a else 0.0 for b in sizes] for a in sizes])
