"""Small models whose answers are obvious, as the runtime's folders."""

from pathlib import Path

import numpy as np

from runtime import Boosting, Forest, Linear, Manifest, save
from serving.features import DEFAULTS
from serving.model_cache import ModelCache
from serving.registry import Version

FEATURES = [
    {"name": name, "dtype": "float64", "unit": "", "default": value, "meaning": f"What {name} tells."}
    for name, value in DEFAULTS.items()
]


def manifest(**changes) -> Manifest:
    content = {
        "model_type": "random_forest",
        "features": FEATURES,
        "threshold": 0.7,
        "medium_threshold": 0.3,
        "moments": ["edit_start", "edit_open"],
        "tenants": None,
        "trained_until": "2026-01-01T00:00:00Z",
        "metrics": {"precision": 0.8},
    }
    return Manifest(**(content | changes))


def editors_stump(low: float = 0.1, high: float = 0.9) -> Forest:
    """One tree: `high` when anybody else is editing, else `low`."""
    return Forest(
        roots=np.array([0]),
        feature=np.array([0, -1, -1]),
        threshold=np.array([0.5, -2.0, -2.0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        value=np.array([0.5, low, high]),
        missing_left=np.array([True, False, False]),
    )


def write_stump(folder: Path, low: float = 0.1, high: float = 0.9, **changes) -> Path:
    made = manifest(**changes)
    x = np.array([made.defaults, [2.0, *made.defaults[1:]]])
    x[0, 0] = 0.0
    save(folder, made, editors_stump(low, high), x, [low, high])
    return folder


RULES = {"hours_since_last_sync": "min", "fields_behind": "sum", "open_overlap_recent": "sum"}
OF_PUSHES = [feature | {"of_records": RULES.get(feature["name"], "max")} for feature in FEATURES]


def write_both(folder: Path, **push) -> Path:
    """A stump about records, and one about pushes: 0.95 when anybody else is editing one of them, else 0.2."""
    write_stump(folder)
    write_stump(folder / "push", **({"low": 0.2, "high": 0.95, "features": OF_PUSHES, "threshold": 0.6} | push))
    return folder


def cached_boosting(place: Path) -> Version:
    """As the last good model of a cache: log-odds 2 when anybody else is editing, else -2."""
    version = Version("9", "m-9")
    cache = ModelCache(place)
    stump = editors_stump()
    boosting = Boosting(
        roots=stump.roots,
        feature=stump.feature,
        threshold=stump.threshold,
        left=stump.left,
        right=stump.right,
        value=np.array([0.0, -1.0, 3.0]),
        missing_left=stump.missing_left,
        baseline=-1.0,
    )
    x = np.array([list(DEFAULTS.values()), [2.0, *list(DEFAULTS.values())[1:]]])
    examples = 1 / (1 + np.exp([2.0, -2.0]))
    save(cache.folder(version), manifest(model_type="gradient_boosting"), boosting, x, examples)
    cache.name(version)
    return version


def linear(weights: list[float], intercept: float) -> Linear:
    n = len(weights)
    return Linear(np.zeros(n), np.ones(n), np.array(weights), intercept)


def cached(place: Path, number: str = "1", **changes) -> Version:
    """A stump as the last good model of a cache."""
    version = Version(number, f"m-{number}")
    cache = ModelCache(place)
    write_stump(cache.folder(version), **changes)
    cache.name(version)
    return version


def cached_both(place: Path, **push) -> Version:
    """The same of a version that answers about pushes too."""
    version = Version("1", "m-1")
    cache = ModelCache(place)
    write_both(cache.folder(version), **push)
    cache.name(version)
    return version
