"""The gate: may the challenger serve instead of the champion?

Both are judged on the same rows, received later than either was trained until. Every question that can be asked is
asked, so that one look tells all that is wrong. The decision is a value, recorded on the version as tags (one a
question) and in its run as a JSON artifact; moving the alias is a second step that takes a passing one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from sklearn.metrics import average_precision_score

from ml import registry, tracking
from ml.compile import prove
from ml.dataset import TrainingSet
from ml.evaluate import Scores, pr_auc_difference
from ml.features import TARGET
from ml.leakage import leaks
from ml.push_level import questions
from ml.quality import quality
from ml.served import answers, scores
from ml.splits import known_at
from runtime import CompiledModel, CorruptModel, load

MIN_ROWS: Final = 200
MIN_POSITIVES: Final = 20
# an interval over few conflicts is wide: a fall like this is a step back even when chance could explain it
MAX_FALL: Final = 0.05
# scores that promise so many times more, or fewer, conflicts than come are no probabilities
MAX_MISCALIBRATION: Final = 2.0


class GateClosedError(PermissionError):
    """A version was to be promoted on a decision that does not allow it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question: rows, compiled, leakage, calibration or comparison."""

    question: str
    passed: bool
    said: str


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Whether a version may become the champion, why, and the numbers behind it.

    `version` is None when there is nothing to judge (no challenger yet); then `passed` is False.
    `numbers` holds those that were computed of: rows, positives, base_rate, challenger_pr_auc, champion_pr_auc,
    difference, interval_low, interval_high, max_compiled_difference, calibration_ratio. Without a champion the
    difference is to the constant baseline. `findings` holds every question that was asked.
    """

    version: str | None
    passed: bool
    reason: str
    champion: str | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The decision as plain values, for artifacts and metadata."""
        return asdict(self)


def judge(dataset: TrainingSet, *, version: str | None = None, record: bool = True) -> GateDecision:
    """Judge a version (by default the one that `challenger` names) against the champion on rows of `dataset`.

    `record` writes it to the version's tags (validation_status, gate_reason) and its run's artifacts.
    Raises NoSuchVersionError for a version that is not registered.
    """
    challenger = registry.get(version) if version else registry.resolve(registry.CHALLENGER)
    champion = registry.resolve(registry.CHAMPION)
    if challenger is None:
        return GateDecision(None, False, "there is no challenger to judge")
    if champion is not None and champion.version == challenger.version:
        return GateDecision(challenger.version, True, "already the champion", champion.version)
    decision = _judge(dataset, challenger, champion)
    if record:
        _record(challenger, decision)
    return decision


def promote(decision: GateDecision) -> str:
    """Point `champion` at the decision's version; answers that version. Does nothing twice.

    Raises GateClosedError unless the decision passed and the champion is still the one it was judged against.
    """
    if not decision.passed or decision.version is None:
        raise GateClosedError(f"version {decision.version} stays out: {decision.reason}")
    champion = registry.resolve(registry.CHAMPION)
    present = champion.version if champion else None
    if present == decision.version:
        return decision.version
    if present != decision.champion:
        raise GateClosedError(f"judged against champion {decision.champion}, but {present} serves now: judge again")
    return registry.promote(decision.version).version


def _judge(dataset: TrainingSet, challenger: registry.Version, champion: registry.Version | None) -> GateDecision:
    blocked = GateDecision(challenger.version, False, "", champion.version if champion else None)
    if challenger.is_rolled_back:
        return replace(blocked, reason="rolled back by an operator, who alone can bring it back")
    rows = _later_than(dataset.frame, [v for v in (challenger, champion) if v is not None])
    positives = int(rows[TARGET].sum())
    numbers = {"rows": float(len(rows)), "positives": float(positives)}
    counted = f"{len(rows)} rows with {positives} conflicts came after training"
    if len(rows) < MIN_ROWS or positives < MIN_POSITIVES:
        said = f"{counted}: {MIN_ROWS} and {MIN_POSITIVES} needed"
        return _concluded(replace(blocked, numbers=numbers), [Finding("rows", False, said)])
    numbers["base_rate"] = float(rows[TARGET].mean())
    asked = replace(blocked, numbers=numbers)
    enough = Finding("rows", True, counted)
    with tracking.downloaded(registry.uri(challenger)) as folder:
        try:
            served = load(folder / tracking.RUNTIME)
            proven = _compiled(folder, served, rows, numbers)
        except CorruptModel as error:
            damaged = Finding("compiled", False, f"the compiled model cannot be used: {error}")
            return _concluded(asked, [enough, damaged, _leakage(rows)])
    return _concluded(
        asked,
        [
            enough,
            proven,
            _leakage(rows),
            _calibration(rows, served, numbers),
            _comparison(rows, served, champion, numbers),
        ],
    )


def _concluded(asked: GateDecision, findings: list[Finding]) -> GateDecision:
    """Passed when every finding did. The reason is what blocks, or else what the comparison came to."""
    against = [finding.said for finding in findings if not finding.passed]
    return replace(asked, passed=not against, reason="; ".join(against) or findings[-1].said, findings=findings)


def _compiled(folder: Path, served: CompiledModel, rows: pd.DataFrame, numbers: dict[str, float]) -> Finding:
    """Reference against what serves, at both levels; the larger difference counts."""
    proofs = [prove(tracking.load_reference(folder), served, rows)]
    if (folder / tracking.PUSH).exists():
        of_pushes = load(folder / tracking.RUNTIME / tracking.PUSH)
        proofs.append(prove(tracking.load_reference(folder / tracking.PUSH), of_pushes, questions(rows)))
    worst = max(proofs, key=lambda proof: proof.max_difference - proof.tolerance)
    numbers["max_compiled_difference"] = worst.max_difference
    said = f"compiled and reference differ by {worst.max_difference:g} (allowed {worst.tolerance:g})"
    return Finding("compiled", all(proof.holds for proof in proofs), said)


def _leakage(rows: pd.DataFrame) -> Finding:
    found = leaks(rows)
    said = ", ".join(f"{leak.name} ({leak.power:.2f} of the way to certainty)" for leak in found)
    return Finding("leakage", not found, f"knows how the edit ends: {said}" if found else "no feature tells too much")


def _calibration(rows: pd.DataFrame, served: CompiledModel, numbers: dict[str, float]) -> Finding:
    ratio = quality(answers(rows, served)).figures["calibration_ratio"]
    numbers["calibration_ratio"] = ratio.value
    is_off = ratio.low > MAX_MISCALIBRATION or ratio.high < 1 / MAX_MISCALIBRATION
    said = f"scores promise {ratio.value:.2f} times the conflicts that came ({ratio.low:.2f} to {ratio.high:.2f})"
    return Finding("calibration", not is_off, f"calibration is off: {said}" if is_off else said)


def _comparison(
    rows: pd.DataFrame, served: CompiledModel, champion: registry.Version | None, numbers: dict[str, float]
) -> Finding:
    ours = scores(served, rows)
    theirs = np.zeros(len(rows)) if champion is None else _scores(champion, rows)
    labels = rows[TARGET].to_numpy()
    interval = pr_auc_difference(rows, ours, theirs)
    our_auc, their_auc = (float(average_precision_score(labels, scored)) for scored in (ours, theirs))
    difference = our_auc - their_auc
    numbers |= {
        "challenger_pr_auc": our_auc,
        "difference": difference,
        "interval_low": interval.low,
        "interval_high": interval.high,
    }
    said = f"PR-AUC {our_auc:.3f} against {their_auc:.3f} ({interval.low:+.3f} to {interval.high:+.3f})"
    if champion is None:
        passed = interval.low > 0
        said = f"{'beats' if passed else 'does not beat'} the constant baseline: {said}; there is no champion yet"
        return Finding("comparison", passed, said)
    numbers["champion_pr_auc"] = their_auc
    worse = interval.high < 0 or difference < -MAX_FALL
    return Finding(
        "comparison", not worse, f"{'worse than' if worse else 'holds against'} champion {champion.version}: {said}"
    )


def _later_than(frame: pd.DataFrame, judged: list[registry.Version]) -> pd.DataFrame:
    """Rows whose push was complete only after every version's training cut."""
    cut = max(pd.Timestamp(version.tags["trained_until"]) for version in judged)
    return frame.loc[known_at(frame) >= cut]


def _scores(version: registry.Version, rows: pd.DataFrame) -> Scores:
    with tracking.downloaded(f"{registry.uri(version)}/{tracking.RUNTIME}") as folder:
        return scores(load(folder), rows)


def _record(challenger: registry.Version, decision: GateDecision) -> None:
    status = registry.PASSED if decision.passed else "rejected"
    asked = {f"gate/{f.question}": f"{'passed' if f.passed else 'blocked'}: {f.said}" for f in decision.findings}
    registry.tag(challenger.version, {registry.STATUS: status, "gate_reason": decision.reason, **asked})
    against = decision.champion or "none"
    MlflowClient().log_dict(challenger.run_id, decision.as_json(), f"gate/against-{against}.json")
