"""The candidates: what is fitted, and the few settings that are tried first for each.

Every candidate is a pipeline that takes the features of the contract by name and fills a missing one with its default,
as the prediction server does. No class weights: the score is to be read as a probability. All keep the signs of
`ml.monotone`: trees by constraints while they grow, the regression by bounds on its coefficients.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from ml import linear
from ml.features import FEATURE_NAMES, FEATURES, TARGET
from ml.monotone import RISING, signs

ModelType = Literal["logistic_regression", "random_forest", "gradient_boosting"]
SEED: Final = 20_250_101
FOREST_TREES: Final = 200

# Where the search for settings begins (ml.search); the last of each kind is the one to take without a search.
FOREST_SETTINGS: Final[tuple[dict[str, Any], ...]] = (
    {"max_depth": 8, "min_samples_leaf": 40, "max_features": 2},
    {"max_depth": 12, "min_samples_leaf": 20, "max_features": 2},
)
# Strongly held back: real histories drift, and what fits the past closely is wrong about the next weeks.
# No early stopping: it would split the past at random, and a later row would judge an earlier one.
BOOSTING: Final[dict[str, Any]] = {
    "max_leaf_nodes": 12,
    "min_samples_leaf": 60,
    "l2_regularization": 10.0,
    "early_stopping": False,
}
BOOSTING_SETTINGS: Final[tuple[dict[str, Any], ...]] = (
    {"learning_rate": 0.04, "max_iter": 150, "max_features": 0.4},
    {"learning_rate": 0.05, "max_iter": 260, "max_features": 0.4},
)
LOGISTIC_SETTINGS: Final[tuple[dict[str, Any], ...]] = ({"C": 0.1}, {"C": 1.0})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model type with one choice of settings, and the features that may only raise the risk."""

    model_type: ModelType
    settings: dict[str, Any]
    rising: frozenset[str] = RISING

    @property
    def name(self) -> str:
        """A name that tells trials apart: `random_forest max_depth=8 min_samples_leaf=40 max_features=2`."""
        return " ".join([self.model_type, *(f"{key}={value}" for key, value in self.settings.items())])

    def build(self) -> Pipeline:
        """An unfitted pipeline: a frame with the contract's columns in, P(conflict) out of `predict_proba`."""
        constraints = signs(FEATURE_NAMES, self.rising)
        if self.model_type == "logistic_regression":
            regression = LogisticRegression(max_iter=1000, **self.settings)
            return Pipeline([*_filled(linear.LOGGED), *linear.tamed(), ("model", regression)])
        trees: RandomForestClassifier | HistGradientBoostingClassifier
        if self.model_type == "random_forest":
            trees = RandomForestClassifier(
                FOREST_TREES, random_state=SEED, n_jobs=1, monotonic_cst=constraints, **self.settings
            )
        else:
            trees = HistGradientBoostingClassifier(
                random_state=SEED, monotonic_cst=constraints, **BOOSTING, **self.settings
            )
        return Pipeline([*_filled(), ("model", trees)])

    def fit(self, frame: pd.DataFrame, weights: NDArray[np.float64]) -> Pipeline:
        """The pipeline fitted to labelled rows, each of which stands for so many: float64[n]."""
        pipeline, x, labels = self.build(), frame[list(FEATURE_NAMES)], frame[TARGET]
        if self.model_type != "logistic_regression":
            return pipeline.fit(x, labels, model__sample_weight=weights)
        inputs = pipeline[:-1].fit_transform(x)
        linear.fitted(
            pipeline.named_steps["model"], inputs, labels.to_numpy(), weights, signs(FEATURE_NAMES, self.rising)
        )
        return pipeline


CANDIDATES: Final[tuple[Candidate, ...]] = (
    *(Candidate("logistic_regression", settings) for settings in LOGISTIC_SETTINGS),
    *(Candidate("random_forest", settings) for settings in FOREST_SETTINGS),
    *(Candidate("gradient_boosting", settings) for settings in BOOSTING_SETTINGS),
)


def _filled(logged: Collection[str] = ()) -> list[tuple[str, ColumnTransformer]]:
    """The steps that put defaults where values are missing: alike columns together, then in the contract's order."""
    alike: dict[tuple[float, bool], list[str]] = {}
    for feature in FEATURES:
        alike.setdefault((feature.default, feature.name in logged), []).append(feature.name)
    fill = ColumnTransformer(
        [(f"{default:g}{' logged' * is_logged}", _fill(default, is_logged=is_logged), names)
         for (default, is_logged), names in alike.items()]
    )  # fmt: skip
    filled = [name for names in alike.values() for name in names]
    order = ColumnTransformer([("contract", "passthrough", [filled.index(name) for name in FEATURE_NAMES])])
    return [("fill", fill), ("order", order)]


def _fill(default: float, *, is_logged: bool) -> SimpleImputer | Pipeline:
    filled = SimpleImputer(strategy="constant", fill_value=default)
    return make_pipeline(filled, linear.logarithm()) if is_logged else filled
