"""Tables by day, the arm that nobody warned, and what is said when a version does not hold what it promised."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from ml.drift import profile
from ml.features import FEATURE_NAMES, TARGET
from ml.monitoring import LIMITS, drift_by_day, quality_by_day, shortfalls, withheld

DAY = date(2026, 11, 1)


def answers(count: int = 600, *, heeded: bool = False) -> pd.DataFrame:
    """A calibrated model; every fifth of its warnings is withheld. Heeded warnings end well."""
    rng = np.random.default_rng(2)
    score = np.round(rng.beta(1, 5, count), 3)
    warned = score >= 0.2
    arm = np.where(warned & (rng.random(count) < 0.2), "withheld", "shown")
    conflicted = rng.random(count) < score
    if heeded:
        conflicted &= ~warned | (arm == "withheld")
    return pd.DataFrame(
        {
            "tenant_id": np.where(np.arange(count) % 3 == 0, "a", "b"),
            "sync_session_id": [f"p{n}" for n in range(count)],
            "moment": np.where(np.arange(count) % 2 == 0, "edit_start", "edit_open"),
            "score": score,
            "warned": warned,
            "arm": arm,
            TARGET: conflicted,
            "received_at": pd.Timestamp(DAY, tz="UTC"),
            "weight": 1.0,
        }
    )


def pooled(frame: pd.DataFrame, arm: str) -> dict[str, object]:
    table = quality_by_day(frame, [DAY], arm=arm, version="1")
    return table[table["tenant_id"].isna() & (table["moment"] == "all")].iloc[0].to_dict()


def test_a_day_has_all_moments_and_tenants() -> None:
    table = quality_by_day(answers(), [DAY, DAY + timedelta(days=60)], arm="all", version="1")
    assert list(zip(table["tenant_id"].fillna("everybody"), table["moment"], strict=True)) == [
        ("everybody", "all"), ("everybody", "edit_start"), ("everybody", "edit_open"), ("a", "all"), ("b", "all"),
    ]  # fmt: skip
    assert set(table["day"]) == {DAY}


def test_a_window_reaches_back_so_many_days_and_no_further() -> None:
    days = [DAY + timedelta(days=n) for n in (LIMITS.window_days - 1, LIMITS.window_days)]
    assert set(quality_by_day(answers(), days, arm="all", version="1")["day"]) == {days[0]}


def test_the_withheld_arm_tells_what_would_have_been_although_warnings_are_heeded() -> None:
    truth = pooled(answers(6000), "all")
    told, among_all = (pooled(answers(6000, heeded=True), arm) for arm in ("withheld", "all"))
    for name in ("precision", "recall", "base_rate"):
        assert told[f"{name}_low"] <= truth[name] <= told[f"{name}_high"], name
        assert among_all[f"{name}_high"] < truth[name], name


def test_without_withheld_warnings_nothing_is_told() -> None:
    assert withheld(answers().assign(arm="shown")).empty
    assert not pooled(answers().assign(arm="shown"), "withheld")["is_enough"]


def test_too_few_are_said_and_held_against_nobody() -> None:
    row = pooled(answers(20), "all")
    assert not row["is_enough"] and row["rows"] == 20
    assert shortfalls(row, {"precision": 0.9, "recall": 0.9, "pr_auc": 0.9}) == []


def test_a_promise_that_is_held_is_silent_and_a_broken_one_is_told() -> None:
    row = pooled(answers(2000), "all")
    kept = {name: float(str(row[name])) for name in ("precision", "recall", "pr_auc")}
    assert shortfalls(row, kept) == []
    (said,) = shortfalls(row, kept | {"recall": 3.0})
    assert said.startswith("recall is at most")


def test_scores_that_promise_too_much_are_told() -> None:
    (said,) = shortfalls(pooled(answers(2000).assign(score=lambda f: f["score"] * 2), "all"), {})
    assert "times the conflicts that come" in said


@pytest.mark.parametrize(("pushes", "is_told"), [(100, True), (20, False)])
def test_drift_is_told_from_enough_pushes_on(pushes: int, is_told: bool) -> None:
    def rows(count: int, value: float) -> pd.DataFrame:
        names = pd.DataFrame({"tenant_id": "t", "sync_session_id": [f"p{n}" for n in range(count)]})
        moved = names.assign(**dict.fromkeys(FEATURE_NAMES, 0.0), received_at=pd.Timestamp(DAY, tz="UTC"))
        return moved.assign(user_conflict_rate=value)

    table = drift_by_day(profile(rows(500, 0.0)), rows(pushes, 5.0), [DAY], version="1")
    drifted = dict(zip(table["feature"], table["has_drifted"], strict=True))
    assert bool(drifted["user_conflict_rate"]) is is_told
    assert not any(moved for name, moved in drifted.items() if name != "user_conflict_rate")
