"""The gate: may the challenger serve instead of the champion?

Both are judged on the same rows, received later than either was trained until. The decision is a value, recorded
on the version as tags and in its run as a JSON artifact; moving the alias is a second step that takes a passing one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ml.dataset import TrainingSet


class GateClosedError(PermissionError):
    """A version was to be promoted on a decision that does not allow it."""


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Whether a version may become the champion, why, and the numbers behind it.

    `version` is None when there is nothing to judge (no challenger yet); then `passed` is False.
    `numbers` holds those that were computed of: rows, positives, base_rate, challenger_pr_auc, champion_pr_auc,
    difference, interval_low, interval_high, max_compiled_difference.
    """

    version: str | None
    passed: bool
    reason: str
    champion: str | None = None
    numbers: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The decision as plain values, for artifacts and metadata."""
        return asdict(self)


def judge(dataset: TrainingSet, *, version: str | None = None, record: bool = True) -> GateDecision:
    """Judge a version (by default the one that `challenger` names) against the champion on rows of `dataset`.

    `record` writes it to the version's tags (validation_status, gate_reason) and its run's artifacts.
    Raises NoSuchVersionError for a version that is not registered.
    """
    raise NotImplementedError


def promote(decision: GateDecision) -> str:
    """Point `champion` at the decision's version; answers that version. Does nothing twice.

    Raises GateClosedError unless the decision passed.
    """
    raise NotImplementedError
