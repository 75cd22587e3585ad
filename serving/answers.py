"""What is said to a client: an answer as `schemas.Prediction` or `schemas.Explained` describes it. Decides nothing."""

from typing import Any

from serving import explanation, risk, wording
from serving.features import Seen
from serving.model_store import Loaded
from serving.prediction_log import Row
from serving.risk import Verdict
from serving.schemas import Asked


def unknown(row: Row, why: bool) -> dict[str, Any]:
    """Where no model may answer."""
    said: dict[str, Any] = {
        "status": "insufficient_training_data",
        "conflict_probability": None,
        "risk_level": "unknown",
        "warning_message": None,
        "concurrent_editors_detected": int(row.features["concurrent_editors"]),
        "prediction_id": row.prediction_id,
        "model_version": None,
        "threshold": None,
        "top_factors": [],
        "basis": None,
    }
    return said | _seen(row) | explanation.of_no_model(row.features) if why else said


def known(row: Row, loaded: Loaded, shown: Verdict, item: Asked, seen: Seen, why: bool) -> dict[str, Any]:
    """shown: the model's verdict, or what is said in its place where a warning is withheld."""
    said: dict[str, Any] = {
        "status": "ok",
        "conflict_probability": shown.probability,
        "risk_level": shown.level,
        "warning_message": _warning(shown, item, seen) if shown.level == "high" else None,
        "concurrent_editors_detected": int(row.features["concurrent_editors"]),
        "prediction_id": row.prediction_id,
        "model_version": loaded.version.number,
        "threshold": row.threshold,
        "top_factors": risk.told(shown.factors),
        "basis": "own_history" if loaded.model.manifest.learnt_from(row.tenant) else "pooled",
    }
    if not why:
        return said
    explain = explanation.of_a_withheld_warning if row.arm == "withheld" else explanation.explain
    return said | _seen(row) | explain(loaded.model, row.features)


def _seen(row: Row) -> dict[str, Any]:
    return {"as_of_seq": row.as_of_seq, "asked_at": row.asked_at}


def _warning(shown: Verdict, item: Asked, seen: Seen) -> str:
    behind = (seen.record_version or 0) - item.client_version if item.client_version is not None else 0
    return wording.warning(item.entity_type, seen.values, behind, shown.factors)
