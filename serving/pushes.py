"""A queue as one push: will any of its records collide? Its one row of features, and what is said of it. Pure.

How a feature of a push comes from those of its records is the model's to say: its manifest names the rule.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from runtime import CompiledModel
from serving import features, risk, wording

RULES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {"max": max, "min": min, "sum": sum}


def rule(feature: Mapping[str, Any]) -> str | None:
    """One of RULES, of a feature in a push model's manifest; None in a manifest that tells none."""
    return feature.get("of_records")


def one_row(model: CompiledModel, records: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The features of a push, of those of its records: at least one."""
    return {
        feature["name"]: float(RULES[feature["of_records"]]([record[feature["name"]] for record in records]))
        for feature in model.manifest.features
    }


def answer(model: CompiledModel, records: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """As `schemas.PushPrediction` describes it."""
    values = one_row(model, records)
    [verdict] = risk.judge(model, [values])
    is_high = verdict.level == "high"
    return {
        "conflict_probability": verdict.probability,
        "risk_level": verdict.level,
        "warning_message": wording.push_warning(features.DEFAULTS | values, verdict.factors) if is_high else None,
        "threshold": model.manifest.threshold,
        "top_factors": risk.told(verdict.factors),
    }
