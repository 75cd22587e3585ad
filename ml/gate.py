"""The gate: may the challenger serve instead of the champion?

Both are judged on the same rows, received later than either was trained until, at both levels: of records and of whole
pushes. Every question that can be asked (`ml.findings`) is asked, so that one look tells all that is wrong. The
decision is a value, recorded on the version as tags (one a level and question) and in its run as a JSON artifact;
moving the alias is a second step that takes a passing one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
from mlflow import MlflowClient

from ml import registry, tracking
from ml.dataset import TrainingSet
from ml.findings import Case, Finding, examined, unusable
from ml.push_level import questions
from ml.splits import known_at
from runtime import CompiledModel, CorruptModel, load

LEVELS: Final = (tracking.RECORD, tracking.PUSH)


class GateClosedError(PermissionError):
    """A version was to be promoted on a decision that does not allow it."""


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Whether a version may become the champion, why, and the numbers behind it.

    `version` is None when there is nothing to judge (no challenger yet); then `passed` is False.
    `numbers` holds those that were computed of: rows, positives, base_rate, challenger_pr_auc, champion_pr_auc,
    difference, interval_low, interval_high, max_compiled_difference, calibration_ratio; the comparison of one moment
    is under its name (`edit_open_difference`), and all of the level of pushes begins with `push_`. Without a champion
    the difference is to the constant baseline. `findings` holds every question that was asked at each level.
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

    `record` writes it to the version's tags (validation_status, gate_reason, gate/LEVEL/QUESTION) and its run's
    artifacts.
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
    asked = GateDecision(challenger.version, False, "", champion.version if champion else None)
    if challenger.is_rolled_back:
        return replace(asked, reason="rolled back by an operator, who alone can bring it back")
    findings: list[Finding] = []
    with tracking.downloaded(registry.uri(challenger)) as folder, _runtime_of(champion) as present:
        for level in LEVELS:
            frame = dataset.frame if level == tracking.RECORD else questions(dataset.frame)
            found, numbers = _at(level, frame, folder, present, champion)
            findings += found
            prefix = "" if level == tracking.RECORD else f"{level}_"
            asked.numbers.update({f"{prefix}{name}": value for name, value in numbers.items()})
    # the reason is what blocks, or else what the comparisons came to
    told = [f for f in findings if not f.passed] or [f for f in findings if f.question == "comparison"]
    return replace(
        asked,
        passed=all(finding.passed for finding in findings),
        reason="; ".join(f"{finding.level}: {finding.said}" for finding in told),
        findings=findings,
    )


def _at(
    level: str, frame: pd.DataFrame, folder: Path, present: Path | None, champion: registry.Version | None
) -> tuple[list[Finding], dict[str, float]]:
    """The findings of one level, and their numbers."""
    theirs = _served(present, level) if present else None
    against = f"champion {champion.version}" if champion else "there is no champion yet"
    if champion and theirs is None:
        against = f"{against} does not answer at this level"
    try:
        served = _served(folder / tracking.RUNTIME, level)
    except CorruptModel as error:
        return unusable(level, _later_than(frame, [theirs]), error), {}
    if served is None:
        missing = "was made of too few pushes to answer about whole ones"
        return [
            Finding(level, "rows", theirs is None, missing if theirs is None else f"{missing}, as {against} does")
        ], {}
    case = Case(
        level=level,
        rows=_later_than(frame, [served, theirs]),
        reference=tracking.load_reference(folder if level == tracking.RECORD else folder / level),
        served=served,
        champion=theirs,
        against=against,
    )
    return examined(case), case.numbers


def _served(runtime: Path, level: str) -> CompiledModel | None:
    """The compiled model of a level; None where a version has none. Raises CorruptModel."""
    if level == tracking.RECORD:
        return load(runtime)
    return load(runtime / level) if (runtime / level).exists() else None


@contextmanager
def _runtime_of(version: registry.Version | None) -> Iterator[Path | None]:
    """A version's compiled models in a folder that is gone afterwards; None of none."""
    if version is None:
        yield None
        return
    with tracking.downloaded(f"{registry.uri(version)}/{tracking.RUNTIME}") as folder:
        yield folder


def _later_than(frame: pd.DataFrame, judged: list[CompiledModel | None]) -> pd.DataFrame:
    """Rows whose push was complete only after every model's training cut. Levels are cut apart from each other."""
    cuts = [pd.Timestamp(model.manifest.trained_until) for model in judged if model is not None]
    return frame.loc[known_at(frame) >= max(cuts)] if cuts else frame


def _record(challenger: registry.Version, decision: GateDecision) -> None:
    status = registry.PASSED if decision.passed else "rejected"
    asked = {
        f"gate/{f.level}/{f.question}": f"{'passed' if f.passed else 'blocked'}: {f.said}" for f in decision.findings
    }
    registry.tag(challenger.version, {registry.STATUS: status, "gate_reason": decision.reason, **asked})
    against = decision.champion or "none"
    MlflowClient().log_dict(challenger.run_id, decision.as_json(), f"gate/against-{against}.json")
