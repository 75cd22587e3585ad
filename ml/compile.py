"""From the fitted reference to the form that serves: the arrays of `runtime`, and the proof that both answer alike.

Evaluating the arrays is `runtime`'s; the gate checks the very code that serves.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from ml.calibration import Fitted
from ml.features import DEFAULTS, FEATURE_NAMES
from ml.tune import predict
from runtime import Boosting, CompiledModel, Forest, Linear, Manifest, Sigmoid, load, save

EXAMPLES: Final = 64
# a dot product or another machine's exp may round otherwise
ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Proof:
    """The largest difference between reference and compiled over so many rows, and what the model type allows."""

    rows: int
    max_difference: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the two may be taken for the same model."""
        return self.rows > 0 and self.max_difference <= self.tolerance


def matrix(frame: pd.DataFrame) -> NDArray[np.float64]:
    """The features in the contract's order, missing ones filled: float64[n, F], as the prediction server builds it."""
    return frame[list(FEATURE_NAMES)].fillna(DEFAULTS).to_numpy(dtype=np.float64)


def parts(model: Fitted) -> tuple[Pipeline, Sigmoid | None]:
    """The pipeline that scores, and the sigmoid after it, if there is one."""
    if not isinstance(model, CalibratedClassifierCV):
        return model, None
    (fitted,) = model.calibrated_classifiers_
    (sigmoid,) = fitted.calibrators
    return fitted.estimator.estimator, Sigmoid(float(sigmoid.a_), float(sigmoid.b_))


def compiled(model: Fitted) -> Forest | Boosting | Linear:
    """What scores, as arrays. Raises TypeError for an estimator that has no compiled form."""
    pipeline, _ = parts(model)
    estimator = pipeline.named_steps["model"]
    if hasattr(estimator, "estimators_"):
        return _forest([tree.tree_ for tree in estimator.estimators_])
    if isinstance(estimator, HistGradientBoostingClassifier):
        return _boosting(estimator)
    if hasattr(estimator, "coef_"):
        return _linear(pipeline)
    raise TypeError(f"no compiled form for {type(estimator).__name__}")


def write(directory: Path, manifest: Manifest, model: Fitted, frame: pd.DataFrame) -> CompiledModel:
    """Save the compiled model, its calibration, and examples of `frame` from lowest to highest score; read it back.

    Raises ValueError when it does not answer the examples as the reference does.
    """
    scores = predict(model, frame)
    rows = np.argsort(scores, kind="stable")[np.linspace(0, len(scores) - 1, EXAMPLES).astype(int)]
    _, sigmoid = parts(model)
    manifest = replace(manifest, calibration=asdict(sigmoid) if sigmoid else None)
    save(directory, manifest, compiled(model), matrix(frame.iloc[rows]), scores[rows])
    return load(directory)


def prove(reference: Fitted, served: CompiledModel, frame: pd.DataFrame) -> Proof:
    """Compare the two on every row of `frame`."""
    is_exact = served.manifest.model_type == "random_forest" and served.manifest.calibration is None
    tolerance = 0.0 if is_exact else ROUNDING
    if frame.empty:
        return Proof(0, 0.0, tolerance)
    difference = np.abs(predict(reference, frame) - served.predict(matrix(frame)))
    return Proof(len(frame), float(difference.max()), tolerance)


def _linear(pipeline: Pipeline) -> Linear:
    """The range's own scaling is folded into that of the scaler: both are straight lines."""
    fill, within, scaler, estimator = (pipeline.named_steps[name] for name in ("fill", "range", "scale", "model"))
    width = 1.0 / within.scale_
    logged = {name for _, step, names in fill.transformers_ if isinstance(step, Pipeline) for name in names}
    return Linear(
        mean=within.data_min_ + scaler.mean_ * width,
        scale=scaler.scale_ * width,
        coef=estimator.coef_[0],
        intercept=float(estimator.intercept_[0]),
        is_logged=np.array([name in logged for name in FEATURE_NAMES]),
        low=within.data_min_,
        high=within.data_min_ + width,
    )


def _forest(trees: list[Any]) -> Forest:
    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(tree, name) for tree in trees])

    leaf = joined("children_left") < 0
    return Forest(
        **_numbered([tree.node_count for tree in trees], leaf, joined("children_left"), joined("children_right")),
        feature=np.where(leaf, -1, joined("feature")).astype(np.int32),
        threshold=joined("threshold").astype(np.float64),
        value=np.concatenate([tree.value[:, 0, 1] for tree in trees]).astype(np.float64),
        missing_left=joined("missing_go_to_left").astype(np.bool_),
    )


def _boosting(estimator: HistGradientBoostingClassifier) -> Boosting:
    if estimator.is_categorical_ is not None:
        raise TypeError("no compiled form for boosting with categorical features")
    if len(estimator.classes_) != 2:
        raise TypeError(f"no compiled form for boosting of {len(estimator.classes_)} classes")
    trees = [tree.nodes for (tree,) in estimator._predictors]
    nodes = np.concatenate(trees)
    leaf = nodes["is_leaf"].astype(np.bool_)
    return Boosting(
        **_numbered([len(tree) for tree in trees], leaf, nodes["left"], nodes["right"]),
        feature=np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32),
        threshold=nodes["num_threshold"].astype(np.float64),
        value=nodes["value"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(np.bool_),
        baseline=float(estimator._baseline_prediction.item()),
    )


def _numbered(
    sizes: list[int], leaf: NDArray[np.bool_], left: NDArray[Any], right: NDArray[Any]
) -> dict[str, NDArray[np.int32]]:
    """Roots, and children numbered through all trees instead of each in its own; -1 at leaves."""
    roots = np.cumsum([0, *sizes[:-1]])
    start = np.repeat(roots, sizes)
    children = {"left": left, "right": right}
    numbered = {name: np.where(leaf, -1, side.astype(np.int64) + start) for name, side in children.items()}
    return {name: array.astype(np.int32) for name, array in {"roots": roots, **numbered}.items()}
