"""A logistic regression over standardised inputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.contributions import Contributions


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """p = sigmoid(((x - mean) / scale) . coef + intercept); the arrays have one entry a feature."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    coef: NDArray[np.float64]
    intercept: float

    def check(self, n_features: int) -> None:
        """Raises ValueError when the arrays do not fit the features or hold what no regression learns."""
        arrays = (self.mean, self.scale, self.coef)
        if any(array.shape != (n_features,) for array in arrays):
            raise ValueError("the regression does not fit the features")
        if not all(np.isfinite(array).all() for array in arrays) or not np.isfinite(self.intercept):
            raise ValueError("the regression holds a number that is not finite")
        if (self.scale == 0).any():
            raise ValueError("the regression divides by a scale of zero")

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log-odds of each row: float64[n, F] -> float64[n]."""
        z: NDArray[np.float64] = ((x - self.mean) / self.scale) @ self.coef + self.intercept
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
        values = (x - reference) / self.scale * self.coef
        return Contributions("log_odds", float(self.score(reference)), float(self.score(x)), values)
