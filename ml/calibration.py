"""Scores that mean what they say: Platt's sigmoid over a fitted model's raw score, fitted on a slice that it never saw.

Two parameters, and monotone: what was ranked higher stays higher, or there is no sigmoid. The reference is
scikit-learn's own; the compiled form is `runtime.Sigmoid`.
"""

from __future__ import annotations

from typing import TypeAlias

import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from ml.features import FEATURE_NAMES, TARGET

# what is fitted may or may not have been calibrated
Fitted: TypeAlias = "Pipeline | CalibratedClassifierCV"

# below this many of either kind two parameters are guesses
MIN_OF_EACH: int = 20


def calibrated(model: Pipeline, validation: pd.DataFrame) -> Fitted:
    """The model with a sigmoid after it, fitted on `validation`; without one where that slice is too small to tell, or
    would have it that what is ranked higher ends better."""
    if validation[TARGET].value_counts().reindex([False, True]).fillna(0).min() < MIN_OF_EACH:
        return model
    # the model is frozen: the folds only share out who is scored when
    sigmoid = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid", cv=2)
    sigmoid.fit(validation[list(FEATURE_NAMES)], validation[TARGET])
    (fitted,) = sigmoid.calibrated_classifiers_
    return sigmoid if fitted.calibrators[0].a_ < 0 else model
