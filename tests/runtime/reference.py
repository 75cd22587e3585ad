"""sklearn models as the runtime's arrays: the straightforward conversion, for the tests of this room."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from runtime import Boosting, Forest, Linear, Manifest


def manifest(n_features: int, model_type: str = "random_forest", **changes) -> Manifest:
    features = [{"name": f"f{i}", "dtype": "double", "unit": "", "default": 0.0} for i in range(n_features)]
    content = {
        "model_type": model_type,
        "features": features,
        "threshold": 0.7,
        "medium_threshold": 0.4,
        "moments": ["edit_start", "edit_open"],
        "tenants": None,
        "trained_until": "2026-01-01T00:00:00Z",
        "metrics": {"precision": 0.5},
    }
    return Manifest(**(content | changes))


def as_forest(fitted: RandomForestClassifier) -> Forest:
    trees = [estimator.tree_ for estimator in fitted.estimators_]
    starts = np.cumsum([0] + [tree.node_count for tree in trees])[:-1]

    def joined(parts, dtype):
        return np.concatenate(list(parts)).astype(dtype)

    def children(name):
        numbered = [
            np.where(getattr(t, name) < 0, -1, getattr(t, name) + start) for t, start in zip(trees, starts, strict=True)
        ]
        return joined(numbered, np.int32)

    return Forest(
        roots=starts.astype(np.int32),
        feature=joined((np.where(t.children_left < 0, -1, t.feature) for t in trees), np.int32),
        threshold=joined((t.threshold for t in trees), np.float64),
        left=children("children_left"),
        right=children("children_right"),
        value=joined((t.value[:, 0, 1] for t in trees), np.float64),
        missing_left=joined((t.missing_go_to_left for t in trees), np.bool_),
    )


def as_boosting(fitted: HistGradientBoostingClassifier) -> Boosting:
    trees = [tree.nodes for (tree,) in fitted._predictors]
    starts = np.cumsum([0] + [len(tree) for tree in trees])[:-1]
    nodes = np.concatenate(trees)
    is_leaf = nodes["is_leaf"] == 1
    start = np.repeat(starts, [len(tree) for tree in trees])
    return Boosting(
        roots=starts.astype(np.int32),
        feature=np.where(is_leaf, -1, nodes["feature_idx"]).astype(np.int32),
        threshold=nodes["num_threshold"].astype(np.float64),
        left=np.where(is_leaf, -1, nodes["left"] + start).astype(np.int32),
        right=np.where(is_leaf, -1, nodes["right"] + start).astype(np.int32),
        value=nodes["value"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(np.bool_),
        baseline=float(fitted._baseline_prediction[0, 0]),
    )


def as_linear(scaler: StandardScaler, fitted: LogisticRegression) -> Linear:
    return Linear(mean=scaler.mean_, scale=scaler.scale_, coef=fitted.coef_[0], intercept=float(fitted.intercept_[0]))
