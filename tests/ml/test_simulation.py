import numpy as np
import pandas as pd

from ml.features import TARGET
from ml.simulation import SCORE, choose, could_avert, simulate

NOON = pd.Timestamp("2026-09-01 12:00", tz="UTC")


def at(hours: float) -> pd.Timestamp:
    return NOON + pd.Timedelta(hours=hours)


def question(push: str, moment: str, asked: float, score: float, *, conflicted: bool) -> dict[str, object]:
    return {
        "tenant_id": "t", "sync_session_id": push, "moment": moment, "asked_at": at(asked),
        SCORE: score, TARGET: conflicted,
    }  # fmt: skip


def cause(push: str, received: float, began: float, announced_from: float) -> dict[str, object]:
    return {
        "tenant_id": "t", "sync_session_id": push, "received_at": at(received), "began_at": at(began),
        "announced_from": announced_from,
    }  # fmt: skip


ROWS = pd.DataFrame(
    [
        question("lost", "edit_start", 0, 0.9, conflicted=True),
        question("open", "edit_start", 0, 0.9, conflicted=True),
        question("later", "edit_start", 0, 0.2, conflicted=True),
        question("later", "edit_open", 5, 0.9, conflicted=True),
        question("silent", "edit_start", 0, 0.9, conflicted=True),
        question("fine", "edit_start", 0, 0.8, conflicted=False),
    ]
)
CAUSES = pd.DataFrame(
    [
        cause("lost", -1, -2, 2.0),  # received before it was asked
        cause("open", 9, -1, 0.5),  # announced and open when it was asked
        cause("open", -1, -2, 2.0),
        cause("later", 9, 1, 1.0),  # began between the two moments
        cause("silent", 9, -1, 2.0),  # never announced
    ]
)


def test_waiting_helps_for_certain_only_against_what_was_there_to_be_seen() -> None:
    assert could_avert(ROWS, CAUSES, 1.0).tolist() == [True, True, False, True, False, False]
    assert could_avert(ROWS, CAUSES, 0.5).tolist() == [True, True, False, False, False, False]
    assert could_avert(ROWS, CAUSES, 0.0).tolist() == [True, False, False, False, False, False]


def test_a_push_is_warned_once_at_the_first_moment_that_reaches_its_threshold() -> None:
    certain = could_avert(ROWS, CAUSES, 1.0)
    both = simulate(ROWS, certain, {"edit_start": 0.5, "edit_open": 0.5})
    assert (both.pushes, both.conflicts, both.warned, both.simple, both.strict) == (5, 4, 5, 4, 3)
    start = simulate(ROWS, certain, {"edit_start": 0.5})
    assert (start.warned, start.simple, start.strict) == (4, 3, 2)
    early = simulate(ROWS, certain, {"edit_start": 0.1, "edit_open": 0.5})
    assert (early.warned, early.strict) == (5, 2)  # asked too early, "later" is warned of nothing that could be seen


def test_half_heeded_averts_half_for_twice_the_warnings_each() -> None:
    outcome = simulate(ROWS, could_avert(ROWS, CAUSES, 1.0), {"edit_start": 0.5, "edit_open": 0.5})
    assert outcome.share_averted("strict", 0.5) == outcome.share_averted("strict", 1.0) / 2 == 3 / 8
    assert outcome.warnings_per_averted("strict", 0.5) == 2 * outcome.warnings_per_averted("strict") == 10 / 3
    assert outcome.needless_per_100("strict", 1.0) == 40.0


def test_thresholds_keep_to_the_warnings_allowed() -> None:
    draw = np.random.default_rng(0)
    labels = draw.random(2000) < 0.1
    scores = np.clip(labels * 0.3 + draw.random(2000) * 0.7, 0, 1)
    rows = pd.DataFrame(
        [
            question(f"p{n}", "edit_start", 0, float(score), conflicted=bool(label))
            for n, (label, score) in enumerate(zip(labels, scores, strict=True))
        ]
    )
    thresholds = choose(rows, labels, ["edit_start"], "simple")
    assert thresholds is not None
    assert simulate(rows, labels, thresholds).warnings_per_averted("simple") <= 4.5
    assert choose(rows.assign(**{SCORE: 1 - rows[SCORE]}), labels, ["edit_start"], "simple") is None
