"""A model ready to answer: what its manifest says, and the evaluation of its arrays."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runtime.boosting import Boosting, BoostingEvaluator
from runtime.contributions import Contributions
from runtime.forest import Forest, ForestEvaluator
from runtime.linear import Linear
from runtime.manifest import Manifest
from runtime.sigmoid import Sigmoid

Model = Forest | Boosting | Linear
KINDS: Final[dict[str, type[Model]]] = {
    "random_forest": Forest,
    "gradient_boosting": Boosting,
    "logistic_regression": Linear,
}


class CompiledModel:
    """Immutable, and safe to share between threads."""

    __slots__ = ("_evaluator", "_sigmoid", "manifest")

    def __init__(self, manifest: Manifest, model: Model) -> None:
        """Raises ValueError when the arrays do not fit the manifest's features."""
        if not isinstance(model, KINDS[manifest.model_type]):
            raise ValueError(f"a {manifest.model_type} is not a {type(model).__name__}")
        model.check(len(manifest.features))
        self.manifest = manifest
        self._evaluator = _evaluator(model)
        self._sigmoid = Sigmoid(**manifest.calibration) if manifest.calibration else None

    def predict(self, x: ArrayLike) -> NDArray[np.float64]:
        """P(conflict) of each row: float64[n, F] in the manifest's order -> float64[n].

        Raises ValueError when x is not a table of F columns.
        """
        table = np.asarray(x, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != len(self.manifest.features):
            raise ValueError(f"expected rows of {len(self.manifest.features)} features, got {table.shape}")
        if self._sigmoid:
            return self._sigmoid(self._evaluator.score(table))
        return self._evaluator.predict(table)

    def contributions(self, x: ArrayLike, reference: ArrayLike) -> Contributions:
        """How the answer to the row `x` comes from the answer to the row `reference`: float64[F] each.

        Raises ValueError when either is not a row of F features.
        """
        rows = np.asarray(x, dtype=np.float64), np.asarray(reference, dtype=np.float64)
        if any(row.shape != (len(self.manifest.features),) for row in rows):
            raise ValueError(f"expected two rows of {len(self.manifest.features)} features")
        found = self._evaluator.contributions(*rows)
        return self._sigmoid.contributions(found) if self._sigmoid else found


def _evaluator(model: Model) -> ForestEvaluator | BoostingEvaluator | Linear:
    match model:
        case Forest():
            return ForestEvaluator(model)
        case Boosting():
            return BoostingEvaluator(model)
        case Linear():
            return model
