"""Why the model says what it says of an edit: every feature with its part in the answer. Pure; no words, no wire."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from runtime import CompiledModel
from serving import features, risk


def explain(model: CompiledModel, values: Mapping[str, float]) -> dict[str, Any]:
    """As `schemas.Explained` describes it, for one row of features.

    Contributions are the runtime's: they add up, with `reference`, to `score`. Effects are those of the top factors,
    one feature at a time; where features act together they do not add up.
    """
    manifest = model.manifest
    row = np.array([values[name] for name in manifest.names])
    parts = model.contributions(row, manifest.defaults)
    [effects] = risk.effects(model, row[np.newaxis], model.predict([row]))
    told = [
        {
            "feature": feature["name"],
            "value": value,
            "unit": feature["unit"],
            "meaning": feature.get("meaning"),
            "default": float(feature["default"]),
            "contribution": contribution,
            "effect": effect,
        }
        for feature, value, contribution, effect in zip(
            manifest.features, row.tolist(), parts.values.tolist(), effects.tolist(), strict=True
        )
    ]
    return {"scale": parts.scale, "reference": parts.reference, "score": parts.score, "features": told}


def of_no_model(values: Mapping[str, float]) -> dict[str, Any]:
    """What was seen, where no model may say what it means."""
    told = [
        {
            "feature": name, "value": values[name], "unit": None, "meaning": None, "default": default,
            "contribution": None, "effect": None,
        }
        for name, default in features.DEFAULTS.items()
    ]  # fmt: skip
    return {"scale": None, "reference": None, "score": None, "features": told}


def of_a_withheld_warning(model: CompiledModel, values: Mapping[str, float]) -> dict[str, Any]:
    """Of the answer that was given, an edit of which nothing is known: the true one would be the warning. The number
    of editors is a fact that every answer tells."""
    told = explain(model, features.DEFAULTS)
    for feature in told["features"]:
        if feature["feature"] == "concurrent_editors":
            feature["value"] = values["concurrent_editors"]
    return told
