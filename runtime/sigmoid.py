"""The logistic function and Platt's calibration; equal to sklearn to the bit where the C library is scipy's.

The exponential is the C library's, as scipy's `expit` takes it; numpy's own differs in the last bit, which at a
threshold decides whether somebody is warned.
"""

from dataclasses import dataclass
from math import exp, isfinite

import numpy as np
from numpy.typing import NDArray

from runtime.contributions import Contributions

# exp of more would not fit a float64; the probability is below 1e-307 there
MAX_EXPONENT = 709.0


def logistic(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-score)) of each: float64[n] -> float64[n]."""
    return np.array([1.0 / (1.0 + exp(min(-score, MAX_EXPONENT))) for score in scores.tolist()], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """p = 1 / (1 + exp(slope x score + intercept)): the slope is negative where a higher score is a higher risk."""

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (isfinite(self.slope) and isfinite(self.intercept)):
            raise ValueError("a calibration holds a number that is not finite")

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Raw scores to probabilities: float64[n] -> float64[n]."""
        return logistic(-(self.slope * scores + self.intercept))

    def contributions(self, raw: Contributions) -> Contributions:
        """Parts of a raw score as parts of the calibrated log-odds, which are a straight line of it."""
        reference, score = (-(self.slope * at + self.intercept) for at in (raw.reference, raw.score))
        return Contributions("log_odds", reference, score, -self.slope * raw.values)
