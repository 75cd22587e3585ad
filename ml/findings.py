"""What the gate asks of a version at one level, of records or of whole pushes: each question answered by a finding.

Which rows, which champion and what follows from the answers is `ml.gate`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from ml.calibration import Fitted
from ml.compile import prove
from ml.evaluate import Interval, Scores, pr_auc_difference
from ml.features import MOMENTS, TARGET
from ml.leakage import leaks
from ml.monotone import falls
from ml.quality import quality
from ml.served import answers, scores
from runtime import CompiledModel

MIN_ROWS: Final = 200
MIN_POSITIVES: Final = 20
# an interval over few conflicts is wide: a fall like this is a step back even when chance could explain it
MAX_FALL: Final = 0.05
# scores that promise so many times more, or fewer, conflicts than come are no probabilities
MAX_MISCALIBRATION: Final = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question at one level: rows, compiled, leakage, monotone, calibration or comparison."""

    level: str
    question: str
    passed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Case:
    """A version at one level, and what it is judged by; `numbers` fills as questions are answered.

    `rows` are later than all that either version was made of. `champion` is None where none answers at this level:
    then the constant baseline stands in for it, and `against` says so.
    """

    level: str
    rows: pd.DataFrame
    reference: Fitted
    served: CompiledModel
    champion: CompiledModel | None
    against: str
    numbers: dict[str, float] = field(default_factory=dict)


def examined(case: Case) -> list[Finding]:
    """Every question that can be asked: all of them, or the first alone where there are too few rows."""
    enough = _rows(case)
    return [enough, *(question(case) for question in _QUESTIONS)] if enough.passed else [enough]


def unusable(level: str, rows: pd.DataFrame, error: Exception) -> list[Finding]:
    """What is left to say of a version whose compiled form cannot be read."""
    damaged = Finding(level, "compiled", False, f"the compiled model cannot be used: {error}")
    return [damaged, _leaking(level, rows)]


def _rows(case: Case) -> Finding:
    rows, positives = len(case.rows), int(case.rows[TARGET].sum())
    case.numbers.update(rows=float(rows), positives=float(positives))
    said = f"{rows} rows with {positives} conflicts came after training"
    if rows < MIN_ROWS or positives < MIN_POSITIVES:
        return Finding(case.level, "rows", False, f"{said}: {MIN_ROWS} and {MIN_POSITIVES} needed")
    case.numbers["base_rate"] = positives / rows
    return Finding(case.level, "rows", True, said)


def _compiled(case: Case) -> Finding:
    proof = prove(case.reference, case.served, case.rows)
    case.numbers["max_compiled_difference"] = proof.max_difference
    said = f"compiled and reference differ by {proof.max_difference:g} (allowed {proof.tolerance:g})"
    return Finding(case.level, "compiled", proof.holds, said)


def _leakage(case: Case) -> Finding:
    return _leaking(case.level, case.rows)


def _leaking(level: str, rows: pd.DataFrame) -> Finding:
    found = leaks(rows)
    said = ", ".join(f"{leak.name} ({leak.power:.2f} of the way to certainty)" for leak in found)
    return Finding(
        level, "leakage", not found, f"knows how the edit ends: {said}" if found else "no feature tells too much"
    )


def _monotone(case: Case) -> Finding:
    found = falls(case.served, case.rows)
    said = ", ".join(f"{fall.feature} (by {fall.by:.2g})" for fall in found)
    return Finding(
        case.level, "monotone", not found, f"more of it lowers the risk: {said}" if found else "no risk falls"
    )


def _calibration(case: Case) -> Finding:
    ratio = quality(answers(case.rows, case.served)).figures["calibration_ratio"]
    case.numbers["calibration_ratio"] = ratio.value
    is_off = ratio.low > MAX_MISCALIBRATION or ratio.high < 1 / MAX_MISCALIBRATION
    said = f"scores promise {ratio.value:.2f} times the conflicts that came ({ratio.low:.2f} to {ratio.high:.2f})"
    return Finding(case.level, "calibration", not is_off, f"calibration is off: {said}" if is_off else said)


def _comparison(case: Case) -> Finding:
    rows, champion = case.rows, case.champion
    theirs = None if champion is None else scores(champion, rows)
    finding, numbers = compared(case.level, rows, scores(case.served, rows), theirs, champion=case.against)
    case.numbers.update(numbers)
    return finding


def compared(
    level: str, rows: pd.DataFrame, ours: Scores, theirs: Scores | None, *, champion: str
) -> tuple[Finding, dict[str, float]]:
    """Ours against theirs (None: the constant baseline, and `champion` says why) on labelled rows, and the numbers.

    All rows together, and each moment by itself where it has conflicts enough to be looked at alone.
    """
    beside = np.zeros(len(rows)) if theirs is None else theirs
    whole = _Pair.of(rows, ours, beside)
    numbers = whole.numbers() | ({} if theirs is None else {"champion_pr_auc": whole.theirs})
    said = [whole.said]
    worse: list[str] = []
    for moment in MOMENTS:
        here = (rows["moment"] == moment).to_numpy()
        if rows.loc[here, TARGET].sum() < MIN_POSITIVES:
            continue
        part = _Pair.of(rows.loc[here], ours[here], beside[here])
        numbers |= {f"{moment}_{name}": value for name, value in part.numbers().items()}
        said.append(f"{moment} {part.said}")
        worse += [moment] if part.interval.high < 0 else []
    figures = "; ".join(said)
    if theirs is None:
        passed = whole.interval.low > 0 and not worse
        verb = "beats" if passed else "does not beat"
        return Finding(level, "comparison", passed, f"{verb} the constant baseline: {figures}; {champion}"), numbers
    worse += ["pooled"] if whole.interval.high < 0 or whole.difference < -MAX_FALL else []
    verb = f"worse than {champion} ({', '.join(worse)})" if worse else f"holds against {champion}"
    return Finding(level, "comparison", not worse, f"{verb}: {figures}"), numbers


_QUESTIONS: Final[tuple[Callable[[Case], Finding], ...]] = (
    _compiled,
    _leakage,
    _monotone,
    _calibration,
    _comparison,
)


@dataclass(frozen=True, slots=True)
class _Pair:
    """PR-AUC of two scorings on the same rows, and the interval of the difference by push."""

    ours: float
    theirs: float
    interval: Interval

    @classmethod
    def of(cls, rows: pd.DataFrame, ours: Scores, theirs: Scores) -> _Pair:
        labels = rows[TARGET].to_numpy()
        our_auc, their_auc = (float(average_precision_score(labels, scored)) for scored in (ours, theirs))
        return cls(our_auc, their_auc, pr_auc_difference(rows, ours, theirs))

    @property
    def difference(self) -> float:
        return self.ours - self.theirs

    @property
    def said(self) -> str:
        low, high = self.interval.low, self.interval.high
        return f"PR-AUC {self.ours:.3f} against {self.theirs:.3f} ({low:+.3f} to {high:+.3f})"

    def numbers(self) -> dict[str, float]:
        return {
            "challenger_pr_auc": self.ours,
            "difference": self.difference,
            "interval_low": self.interval.low,
            "interval_high": self.interval.high,
        }
