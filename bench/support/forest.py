"""The largest forest of the candidates, fitted on drawn rows, in the two forms that servers load."""

import shutil
from pathlib import Path

import mlflow.sklearn
import numpy as np
import pandas as pd

from ml import compile as compiling
from ml.estimators import FOREST_SETTINGS, Candidate
from ml.features import FEATURE_NAMES, FEATURES
from ml.tracking import TRUSTED_TYPES
from runtime import Manifest
from serving.model_cache import ModelCache
from serving.registry import Version

ROWS = 40_000


def drawn() -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of plausible features, and a label that depends on all of them, with noise."""
    draw = np.random.default_rng(7)
    columns = [
        draw.poisson(0.5, ROWS),
        draw.uniform(0, 168, ROWS),
        draw.gamma(1.0, 8.0, ROWS),
        draw.gamma(1.0, 2.0, ROWS),
        draw.beta(0.5, 2.0, ROWS),
        draw.random(ROWS) < 0.5,
        draw.poisson(1.0, ROWS),
        draw.poisson(0.4, ROWS),
        draw.beta(0.5, 3.0, ROWS),
        draw.gamma(0.5, 30.0, ROWS),
        draw.poisson(0.6, ROWS),
        draw.poisson(0.1, ROWS),
        draw.gamma(0.3, 1.0, ROWS),
        draw.poisson(0.3, ROWS),
        draw.poisson(0.2, ROWS),
        draw.poisson(0.3, ROWS),
        draw.poisson(8.0, ROWS),
        draw.beta(1.0, 40.0, ROWS),
        draw.beta(1.0, 20.0, ROWS),
        draw.beta(1.0, 20.0, ROWS),
        draw.normal(10.0, 2.0, ROWS),
        draw.gamma(0.3, 100.0, ROWS),
        draw.poisson(2.0, ROWS) + 1,
    ]
    x = pd.DataFrame(np.column_stack(columns).astype(np.float64), columns=list(FEATURE_NAMES))
    weights = [
        0.8,
        -0.01,
        0.05,
        0.2,
        2.0,
        0.1,
        0.1,
        0.6,
        1.0,
        0.002,
        0.3,
        0.3,
        1.0,
        0.6,
        0.4,
        0.3,
        0.02,
        3.0,
        3.0,
        3.0,
        0.05,
        0.001,
        0.02,
    ]
    score = x.to_numpy() @ np.array(weights)
    return x, draw.random(ROWS) < 1 / (1 + np.exp(4.5 - score))


def write(cache: Path, mlflow_folder: Path) -> int:
    """Put the forest where the prediction server starts from, and where `mlflow models serve` does; count its nodes."""
    x, y = drawn()
    model = Candidate("random_forest", FOREST_SETTINGS[-1]).build().fit(x, y)
    manifest = Manifest(
        model_type="random_forest",
        features=[{"name": f.name, "dtype": f.dtype, "unit": f.unit, "default": f.default} for f in FEATURES],
        threshold=0.7,
        medium_threshold=0.3,
        moments=["edit_start", "edit_open"],
        tenants=None,
        trained_until="2026-01-01T00:00:00Z",
        metrics={},
    )
    version = Version("1", "bench")
    compiling.write(ModelCache(cache).folder(version), manifest, model, x)
    ModelCache(cache).name(version)
    shutil.rmtree(mlflow_folder, ignore_errors=True)
    mlflow.sklearn.save_model(
        model,
        mlflow_folder,
        pyfunc_predict_fn="predict_proba",
        skops_trusted_types=list(TRUSTED_TYPES),
        pip_requirements=["scikit-learn"],
    )
    return sum(tree.tree_.node_count for tree in model.named_steps["model"].estimators_)
