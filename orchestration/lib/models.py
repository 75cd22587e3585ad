"""What trainings and gate decisions say, as Dagster metadata. The thinking is in `ml`."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.lib.metadata import figures, markdown_table

if TYPE_CHECKING:
    from ml.gate import GateDecision
    from ml.train import TrainingOutcome


def outcome_facts(outcome: "TrainingOutcome") -> dict[str, Any]:
    """State, events, digest; of a trained version also its run, card and holdout metrics."""
    facts: dict[str, Any] = {
        "state": outcome.state,
        "detail": outcome.detail,
        "events": outcome.event_count,
        "required_events": outcome.required_events,
        "dataset_digest": outcome.dataset_digest,
        "seconds": outcome.seconds,
    }
    if outcome.version is not None:
        facts |= {"version": outcome.version, "model_type": outcome.model_type or ""}
        facts |= figures({} if outcome.threshold is None else {"threshold": outcome.threshold})
        facts["holdout"] = markdown_table(["metric", "value"], _rounded(outcome.metrics))
        facts |= figures(outcome.metrics)
    if outcome.model_card:
        facts["model_card"] = dg.MetadataValue.md(outcome.model_card)
    if outcome.run_url:
        facts["mlflow_run"] = dg.MetadataValue.url(outcome.run_url)
    return facts


def decision_facts(decision: "GateDecision") -> dict[str, Any]:
    """The verdict and the numbers behind it."""
    return {
        "version": decision.version or "none",
        "champion": decision.champion or "none",
        "reason": decision.reason,
        "numbers": markdown_table(["number", "value"], _rounded(decision.numbers)),
        **figures(decision.numbers),
    }


def _rounded(numbers: dict[str, float]) -> list[tuple[str, str]]:
    return [(name, f"{value:.4g}") for name, value in numbers.items()]
