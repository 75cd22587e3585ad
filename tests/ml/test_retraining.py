"""Every reason to train, and none where a training would change nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.dataset import TrainingSet
from ml.features import TARGET
from ml.registry import Version
from ml.retraining import LIMITS, Standing, reason_to_train, standing
from ml.tracking import DATA_UNTIL

NOW = datetime(2026, 11, 21, tzinfo=UTC)
# a week after a training, on a quiet platform
QUIET = Standing("3", True, events=4000, new_events=200, new_conflicts=15, days_since=7.0)
SHORT = "recall is at most 0.300, less than 0.400"


def test_a_quiet_platform_needs_no_training() -> None:
    assert reason_to_train(QUIET) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"newest": None}, "there is no version yet"),
        ({"new_events": 1000, "new_conflicts": 20}, "1,000 of 4,000 edits, 20 in conflict, are new to version 3"),
        ({"drifted": ["user_conflict_rate"]}, "drift of user_conflict_rate"),
        ({"shortfalls": [SHORT]}, SHORT),
        ({"days_since": 15.0}, "version 3 is 15 days old"),
        ({"drifted": ["a", "b"], "shortfalls": [SHORT]}, f"drift of a, b; {SHORT}"),
    ],
)
def test_each_reason_is_said(change: dict[str, object], said: str) -> None:
    assert said in str(reason_to_train(replace(QUIET, **change)))  # type: ignore[arg-type]  # names of its own fields


@pytest.mark.parametrize(
    "change",
    [
        {"newest": None, "is_sufficient": False},
        {"days_since": 99.0, "is_sufficient": False},
        {"days_since": 99.0, "new_events": 0, "new_conflicts": 0},
        {"new_events": 999, "new_conflicts": 200},
        {"new_events": 2000, "new_conflicts": 19},
        {"days_since": LIMITS.rest_days - 0.1, "drifted": ["a"], "shortfalls": [SHORT]},
        {"days_since": LIMITS.oldest_days - 0.1},
    ],
)
def test_what_is_no_reason(change: dict[str, object]) -> None:
    assert reason_to_train(replace(QUIET, **change)) is None  # type: ignore[arg-type]  # names of its own fields


def rows(events: int, conflicts: int, until: datetime) -> TrainingSet:
    """An edit an hour, both moments; the newest is received at `until`, the last of them end in conflicts."""
    numbers = range(events)
    frame = pd.DataFrame(
        {
            "tenant_id": "t",
            "event_id": [f"e{n}" for n in numbers],
            "received_at": [pd.Timestamp(until) - timedelta(hours=events - 1 - n) for n in numbers],
            TARGET: [n >= events - conflicts for n in numbers],
        }
    )
    both = pd.concat([frame.assign(moment="edit_start"), frame.assign(moment="edit_open")])
    return TrainingSet(both, "test", "digest", events, 0)


def version(created_at: datetime, tags: dict[str, str]) -> Version:
    return Version("3", "run", (), created_at, tags)


def seen(data: TrainingSet) -> dict[str, str]:
    return {DATA_UNTIL: data.frame["received_at"].max().isoformat()}


@settings(deadline=None)
@given(
    events=st.integers(0, 3000),
    share=st.floats(0, 1),
    drifted=st.lists(st.sampled_from(["a", "b"])),
    shortfalls=st.lists(st.just(SHORT)),
    data_age=st.integers(0, 4000),
)
def test_right_after_a_training_none_is_needed_whatever_the_champion_does(
    events: int, share: float, drifted: list[str], shortfalls: list[str], data_age: int
) -> None:
    data = rows(max(1, events), int(share * events), NOW - timedelta(hours=data_age))
    now = standing(data, version(NOW, seen(data)), NOW, drifted=drifted, shortfalls=shortfalls)
    assert reason_to_train(now) is None


def test_new_is_what_came_after_the_data_of_the_newest_version_and_an_event_counts_once() -> None:
    before, today = rows(2000, 100, NOW - timedelta(hours=100)), rows(2000, 30, NOW)
    now = standing(today, version(NOW - timedelta(days=4), seen(before)), NOW, drifted=[], shortfalls=[])
    assert (now.newest, now.events, now.new_events, now.new_conflicts, now.days_since) == ("3", 2000, 100, 30, 4.0)


def test_a_version_that_does_not_tell_its_data_has_seen_what_there_was_when_it_was_made() -> None:
    now = standing(rows(2000, 30, NOW), version(NOW - timedelta(hours=50), {}), NOW, drifted=[], shortfalls=[])
    assert (now.new_events, now.new_conflicts) == (50, 30)


def test_before_the_first_version_everything_is_new() -> None:
    now = standing(rows(1500, 30, NOW), None, NOW, drifted=[], shortfalls=[])
    assert (now.newest, now.new_events) == (None, 1500)
    assert "no version yet" in str(reason_to_train(now))
