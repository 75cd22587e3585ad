"""Asking a compiled model about past rows, as its own manifest wants to be asked: its features, its defaults.

A champion may be older than the feature contract of today; what it does not know it is not given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml import registry, tracking
from ml.drift import Profile
from ml.evaluate import Scores
from ml.features import TARGET
from ml.splits import PUSH, known_at
from runtime import CompiledModel, load


def scores(model: CompiledModel, rows: pd.DataFrame) -> Scores:
    """P(conflict) of every row: float64[n]. Raises KeyError for a feature that the rows do not have."""
    names = list(model.manifest.names)
    defaults = dict(zip(names, model.manifest.defaults, strict=True))
    return model.predict(rows[names].fillna(defaults).to_numpy(dtype=np.float64))


def answers(rows: pd.DataFrame, model: CompiledModel) -> pd.DataFrame:
    """What the model would have answered, beside what came: a frame of answers as `ml.quality` takes it."""
    given = scores(model, rows)
    return rows[[*PUSH, "moment", "received_at", TARGET]].assign(
        score=given, warned=given >= model.manifest.threshold, weight=1.0
    )


@dataclass(frozen=True, slots=True)
class Served:
    """The version that serves; `profile` is None for one that was registered without."""

    version: str
    model: CompiledModel
    profile: Profile | None
    trained_until: pd.Timestamp

    def unseen(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows of tenants that it may serve whose push was complete only after its training cut."""
        may_serve = rows["tenant_id"].map(self.model.manifest.serves).astype(bool)
        return rows.loc[may_serve & (known_at(rows) >= self.trained_until)]


def champion() -> Served | None:
    """What `champion` names now, fetched from the registry; None when it names nothing yet."""
    version = registry.resolve(registry.CHAMPION)
    if version is None:
        return None
    with tracking.downloaded(registry.uri(version)) as folder:
        model, trained_on = load(folder / tracking.RUNTIME), tracking.load_profile(folder)
    return Served(version.version, model, trained_on, pd.Timestamp(version.tags["trained_until"]))
