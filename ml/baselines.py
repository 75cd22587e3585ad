"""What a skeptic would try first, and a peer: whatever is claimed of a model is claimed against these.

The peer is what an able engineer has in an hour: untuned gradient boosting on the five features, how far the client is
behind, and who else has the record open. Each answers with scores; what learns has seen the past slice alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.evaluate import Scores
from ml.features import DEFAULTS, FEATURE_NAMES, TARGET
from ml.sampling import thinned
from ml.tune import one_thread

FIVE: Final = FEATURE_NAMES[:5]
PEER: Final = (*FIVE, *(name for name in ("versions_behind", "open_edits") if name in FEATURE_NAMES))
# rows with labels to learn from, rows to score
Baseline: TypeAlias = Callable[[pd.DataFrame, pd.DataFrame], Scores]


def constant(past: pd.DataFrame, rows: pd.DataFrame) -> Scores:
    """The past's base rate of everything."""
    return np.full(len(rows), float(past[TARGET].mean()))


def changed_by_others_recently(_past: pd.DataFrame, rows: pd.DataFrame) -> Scores:
    """Others at work on the record now, then how often the record is edited; a rank, no probability."""
    frequency = rows["entity_edit_frequency"].fillna(0.0).to_numpy()
    activity = rows["concurrent_editors"].fillna(0.0).to_numpy() + frequency / (1.0 + frequency.max(initial=0.0))
    return np.asarray(activity / (1.0 + activity.max(initial=0.0)), dtype=np.float64)


def logistic_on_five(past: pd.DataFrame, rows: pd.DataFrame) -> Scores:
    """Logistic regression on the first five features."""
    return _learned(make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)), FIVE, past, rows)


def peer(past: pd.DataFrame, rows: pd.DataFrame) -> Scores:
    """Boosting as it comes."""
    return _learned(make_pipeline(HistGradientBoostingClassifier(random_state=0)), PEER, past, rows)


BASELINES: Final[dict[str, Baseline]] = {
    "constant": constant,
    "changed_by_others_recently": changed_by_others_recently,
    "logistic_on_five": logistic_on_five,
    "peer": peer,
}


def _learned(model: Pipeline, names: tuple[str, ...], past: pd.DataFrame, rows: pd.DataFrame) -> Scores:
    learned, weights = thinned(past)
    settings: dict[str, Any] = {f"{model.steps[-1][0]}__sample_weight": weights}
    with one_thread():
        model.fit(learned[list(names)].fillna(DEFAULTS), learned[TARGET], **settings)
        return np.asarray(model.predict_proba(rows[list(names)].fillna(DEFAULTS))[:, 1], dtype=np.float64)
