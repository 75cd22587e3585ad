"""A logistic regression over inputs that are logged where they are counts, cut to a range, and standardised."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime.contributions import Contributions

# of a regression that cuts nothing
NEVER_BELOW: Final = np.float64(-np.inf)
NEVER_ABOVE: Final = np.float64(np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """p = sigmoid(((cut(x) - mean) / scale) . coef + intercept); the arrays have one entry a feature.

    cut(x) is ln(1 + x) where `is_logged` and else x, not below `low` and not above `high`. A regression of before these
    three has none of them, and takes every x as it is.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    coef: NDArray[np.float64]
    intercept: float
    is_logged: NDArray[np.bool_] | np.bool_ = np.False_
    low: NDArray[np.float64] | np.float64 = NEVER_BELOW
    high: NDArray[np.float64] | np.float64 = NEVER_ABOVE

    def check(self, n_features: int) -> None:
        """Raises ValueError when the arrays do not fit the features or hold what no regression learns."""
        arrays = (self.mean, self.scale, self.coef)
        cuts = (self.is_logged, self.low, self.high)
        if any(array.shape != (n_features,) for array in arrays) or any(
            cut.shape not in ((), (n_features,)) for cut in cuts
        ):
            raise ValueError("the regression does not fit the features")
        if not all(np.isfinite(array).all() for array in arrays) or not np.isfinite(self.intercept):
            raise ValueError("the regression holds a number that is not finite")
        if (self.scale == 0).any():
            raise ValueError("the regression divides by a scale of zero")
        if not (self.low <= self.high).all():
            raise ValueError("the regression cuts its inputs to a range that is none")

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log-odds of each row: float64[n, F] -> float64[n]."""
        z: NDArray[np.float64] = ((self._cut(x) - self.mean) / self.scale) @ self.coef + self.intercept
        return z

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(class 1) of each row: float64[n, F] -> float64[n]."""
        z = self.score(x)
        # never overflows, whatever the sign
        small = np.exp(-np.abs(z))
        p: NDArray[np.float64] = np.where(z >= 0, 1.0, small) / (1.0 + small)
        return p

    def contributions(self, x: NDArray[np.float64], reference: NDArray[np.float64]) -> Contributions:
        """Parts of the raw score, for one row: float64[F], float64[F]."""
        values = (self._cut(x) - self._cut(reference)) / self.scale * self.coef
        return Contributions("log_odds", float(self.score(reference)), float(self.score(x)), values)

    def _cut(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        # what is counted is not negative, and has a logarithm
        logged = np.where(self.is_logged, np.log1p(np.maximum(x, 0.0)), x)
        return np.clip(logged, self.low, self.high)
