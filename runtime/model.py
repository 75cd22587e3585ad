"""A model ready to answer: what its manifest says, and the evaluation of its arrays."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runtime.forest import Forest, ForestEvaluator
from runtime.linear import Linear
from runtime.manifest import Manifest


class CompiledModel:
    """Immutable, and safe to share between threads."""

    __slots__ = ("_evaluator", "manifest")

    def __init__(self, manifest: Manifest, model: Forest | Linear) -> None:
        """Raises ValueError when the arrays do not fit the manifest's features."""
        expected: type[Any] = Forest if manifest.model_type == "random_forest" else Linear
        if not isinstance(model, expected):
            raise ValueError(f"a {manifest.model_type} is not a {type(model).__name__}")
        model.check(len(manifest.features))
        self.manifest = manifest
        self._evaluator = ForestEvaluator(model) if isinstance(model, Forest) else model

    def predict(self, x: ArrayLike) -> NDArray[np.float64]:
        """P(conflict) of each row: float64[n, F] in the manifest's order -> float64[n].

        Raises ValueError when x is not a table of F columns.
        """
        table = np.asarray(x, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != len(self.manifest.features):
            raise ValueError(f"expected rows of {len(self.manifest.features)} features, got {table.shape}")
        return self._evaluator.predict(table)
